import type { PluginConfig } from '../config/config.js';
import type { PluginStatus as LifecycleStatus } from '../lifecycle/status.js';
import type { Failure, Health, InstanceState } from '../lifecycle/state.js';
import type { PluginStatus } from './status.js';

/** A configured plugin and what lifecycle says of it, as one status. */
export function describePlugin(config: PluginConfig, running: LifecycleStatus | undefined): PluginStatus {
  const reason =
    running === undefined ? undefined : (reasonOfState(running.state) ?? reasonOfHealth(running.health));
  return {
    name: config.name,
    id: config.manifest.id,
    version: config.manifest.version,
    directory: config.directory,
    mode: config.mode,
    guard: running?.guard ?? false,
    enabled: running?.enabled ?? config.enabled,
    state: running?.enabled === false ? 'disabled' : (running?.state.kind ?? 'installed'),
    health: running?.health.kind ?? 'unknown',
    pids: running?.instances.flatMap(({ pid }) => pid ?? []) ?? [],
    restarts: running?.restarts ?? 0,
    in_flight: running?.inFlight ?? 0,
    ...(reason === undefined ? {} : { reason }),
    hooks: config.hooks.map(({ hook, mode, priority, timeoutMs }) => ({
      hook,
      mode,
      priority,
      timeout_ms: timeoutMs,
    })),
  };
}

function reasonOfState(state: InstanceState): string | undefined {
  switch (state.kind) {
    case 'failed':
      return failureText(state.failure, state.retryInMs);
    case 'quarantined':
      return `crash loop: ${failureText(state.failure, state.retryInMs)}`;
    case 'draining':
    case 'stopped':
      return state.reason;
    default:
      return undefined;
  }
}

function failureText({ code, message }: Failure, retryInMs: number | 'never'): string {
  const next = retryInMs === 'never' ? 'not tried again' : `tried again after ${Math.round(retryInMs)} ms`;
  return `${code}: ${message} (${next})`;
}

function reasonOfHealth(health: Health): string | undefined {
  switch (health.kind) {
    case 'healthy':
      return undefined;
    case 'unresponsive':
      return `${health.misses} health checks unanswered`;
    default:
      return health.message;
  }
}
