import type { KeptState } from '../services/kept-state.js';
import type { ApiRoutes } from './api.js';
import { eventRoutes } from './event-routes.js';
import { kvRoutes } from './kv-routes.js';
import { scheduleRoutes } from './schedule-routes.js';

/** What plugins keep in the host, for operators. */
export function keptStateRoutes(state: Pick<KeptState, 'kv' | 'events' | 'schedules'>): readonly ApiRoutes[] {
  return [kvRoutes(state.kv), eventRoutes(state.events.subscriptions), scheduleRoutes(state.schedules)];
}
