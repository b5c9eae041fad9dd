import type { StoreHealth } from '../store/health.js';
import type { NotReady } from '../lifecycle/status.js';
import type { Readiness } from './status.js';

/** Ready means that the store answers, that every enabled plugin and upstream serves, and that the daemon is not going down. */
export function judgeReadiness(now: {
  readonly draining: boolean;
  readonly store: StoreHealth;
  readonly plugins: readonly NotReady[];
  /** Names of the upstream servers that do not serve. */
  readonly upstreams: readonly string[];
}): Readiness {
  const waitingFor = [
    ...(now.store.ok ? [] : ['store']),
    ...now.plugins.map(({ name }) => `plugin ${name}`),
    ...now.upstreams.map((name) => `upstream ${name}`),
  ];
  const state = now.draining ? 'draining' : waitingFor.length > 0 ? 'not_ready' : 'ready';
  return {
    state,
    guards_down: now.plugins.filter(({ guard }) => guard).map(({ name }) => name),
    waiting_for: waitingFor,
  };
}
