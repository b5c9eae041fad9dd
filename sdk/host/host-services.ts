import type { Subscriptions } from '../runtime/subscriptions.js';
import { createAnalytics, type Analytics } from './analytics.js';
import { createApps, type Apps } from './apps.js';
import { createDatasources, type Datasources } from './datasources.js';
import { createEvents, type Events } from './events.js';
import { createKv, type Kv } from './kv.js';
import { createLlms, type Llms } from './llms.js';
import { createPlugins, type Plugins } from './plugins.js';
import { createSchedules, type Schedules } from './schedules.js';
import { createSecrets, type Secrets } from './secrets.js';
import { createTools, type Tools } from './tools.js';
import type { HostRpc } from './transport.js';
import { createUsers, type Users } from './users.js';

/**
 * What a plugin may ask of the host. Each call needs a scope that the manifest asks for and an operator granted; without it
 * the error is PERMISSION_DENIED and names it. Inside a handler calls end with the handler's deadline or cancellation;
 * elsewhere after 10 s. Under a host without a service its calls are UNKNOWN_METHOD. RATE_LIMITED says when to try again in
 * `retryAfterMs`.
 */
export interface HostServices {
  readonly analytics: Analytics;
  readonly apps: Apps;
  readonly datasources: Datasources;
  readonly events: Events;
  readonly kv: Kv;
  readonly llms: Llms;
  readonly plugins: Plugins;
  readonly schedules: Schedules;
  readonly secrets: Secrets;
  readonly tools: Tools;
  readonly users: Users;
}

export function createHostServices(rpc: HostRpc, subscriptions: Subscriptions): HostServices {
  return {
    analytics: createAnalytics(rpc),
    apps: createApps(rpc),
    datasources: createDatasources(rpc),
    events: createEvents(rpc, subscriptions),
    kv: createKv(rpc),
    llms: createLlms(rpc),
    plugins: createPlugins(rpc),
    schedules: createSchedules(rpc),
    secrets: createSecrets(rpc),
    tools: createTools(rpc),
    users: createUsers(rpc),
  };
}
