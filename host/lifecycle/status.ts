import type { PluginConfig } from '../config/config.js';
import { isGuard } from './guard.js';
import type { Instance } from './instance.js';
import type { PluginCalls } from './plugin-calls.js';
import { mostTelling, type Health, type InstanceState } from './state.js';

export interface InstanceStatus {
  readonly index: number;
  readonly state: InstanceState;
  readonly health: Health;
  readonly pid?: number;
  readonly restarts: number;
  readonly inFlight: number;
  /** From the last health report, in microseconds. */
  readonly eventLoopDelayP99Us?: number;
}

export interface PluginStatus {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly enabled: boolean;
  /** One of its registrations may refuse a request, and does so when the plugin cannot answer. */
  readonly guard: boolean;
  /** That of the process that tells most: a serving one before one that starts, before a broken one. */
  readonly state: InstanceState;
  readonly health: Health;
  /** Whether a call would find a process. */
  readonly serving: boolean;
  readonly restarts: number;
  readonly inFlight: number;
  readonly queued: number;
  readonly instances: readonly InstanceStatus[];
}

/** A plugin that should serve and does not. */
export interface NotReady {
  readonly name: string;
  readonly state: InstanceState['kind'];
  readonly reason: string;
  readonly guard: boolean;
}

export function statusOf(
  config: PluginConfig,
  enabled: boolean,
  instances: readonly Instance[],
  calls: PluginCalls,
  restarts: number,
): PluginStatus {
  return {
    name: config.name,
    id: config.manifest.id,
    version: config.manifest.version,
    enabled,
    guard: isGuard(config),
    state: mostTelling(instances.map(({ state }) => state)),
    health: worstHealth(instances),
    serving: calls.serving,
    restarts,
    inFlight: calls.inFlight,
    queued: calls.queued,
    instances: instances.map(instanceStatus),
  };
}

function instanceStatus({ index, state, health, process, report, restarts }: Instance): InstanceStatus {
  return {
    index,
    state,
    health,
    restarts,
    inFlight: process?.inFlight ?? 0,
    ...(process === undefined ? {} : { pid: process.sidecar.pid }),
    ...(report === undefined ? {} : { eventLoopDelayP99Us: report.eventLoopDelayP99Us }),
  };
}

/** That of the worst process that is ready. */
function worstHealth(instances: readonly Instance[]): Health {
  const ready = instances.filter(({ state }) => state.kind === 'ready').map(({ health }) => health);
  for (const kind of ['unhealthy', 'unresponsive', 'degraded'] as const) {
    const found = ready.find((health) => health.kind === kind);
    if (found !== undefined) return found;
  }
  return { kind: 'healthy' };
}

/** Why a plugin takes no calls, for people. */
export function reasonOf(state: InstanceState, health: Health): string {
  switch (state.kind) {
    case 'failed':
    case 'quarantined':
      return `${state.kind}, ${state.failure.code}: ${state.failure.message}`;
    case 'draining':
    case 'stopped':
      return `${state.kind}, ${state.reason}`;
    case 'ready':
      return health.kind === 'unhealthy'
        ? `it says that it is unhealthy: ${health.message}`
        : `it is ${health.kind}`;
    case 'starting':
      return 'it is starting';
    case 'installed':
      return 'it was not started';
  }
}
