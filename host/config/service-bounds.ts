import type { JsonSchema } from '@bulkhead/proto/rules/schema';

/** What plugins may keep in the host: `services.kv`, `services.events` and `services.schedules`. */
export interface ServiceBoundsSection {
  readonly kv: { readonly max_bytes: number; readonly max_keys: number };
  readonly events: { readonly max_backlog: number; readonly max_backlog_bytes: number };
  readonly schedules: { readonly run_timeout_ms: number; readonly keep_runs: number };
}

/** The same, resolved. */
export interface ServiceBounds {
  /** Of one entry. */
  readonly kv: { readonly maxBytes: number; readonly maxKeys: number };
  /** Of one subscription. */
  readonly events: { readonly maxBacklog: number; readonly maxBacklogBytes: number };
  readonly schedules: {
    /** Longest run of a schedule that names none. */
    readonly runTimeoutMs: number;
    /** Ended runs of one schedule that are remembered. */
    readonly keepRuns: number;
  };
}

export const DEFAULT_SERVICE_BOUNDS: ServiceBounds = {
  kv: { maxBytes: 256_000_000, maxKeys: 100_000 },
  events: { maxBacklog: 1_000, maxBacklogBytes: 16_000_000 },
  schedules: { runTimeoutMs: 300_000, keepRuns: 100 },
};

function count(maximum: number, byDefault: number, description: string): JsonSchema {
  return { type: 'integer', minimum: 1, maximum, default: byDefault, description };
}

function section(description: string, properties: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: false, default: {}, description, properties };
}

const { kv, events, schedules } = DEFAULT_SERVICE_BOUNDS;

export const SERVICE_BOUNDS: JsonSchema = {
  kv: section('What one plugin may keep under keys.', {
    max_bytes: count(1_000_000_000_000, kv.maxBytes, 'Keys and values together, in bytes.'),
    max_keys: count(1_000_000_000, kv.maxKeys, 'Keys.'),
  }),
  events: section('What waits for one subscription; beyond it the oldest events are dropped and counted.', {
    max_backlog: count(1_000_000, events.maxBacklog, 'Events.'),
    max_backlog_bytes: count(1_000_000_000_000, events.maxBacklogBytes, 'Their data together, in bytes.'),
  }),
  schedules: section('Runs of schedules.', {
    run_timeout_ms: count(86_400_000, schedules.runTimeoutMs, 'Longest run of a schedule that names none.'),
    keep_runs: count(10_000, schedules.keepRuns, 'Ended runs of one schedule that are remembered.'),
  }),
};

export function resolveServiceBounds(file: ServiceBoundsSection): ServiceBounds {
  return {
    kv: { maxBytes: file.kv.max_bytes, maxKeys: file.kv.max_keys },
    events: { maxBacklog: file.events.max_backlog, maxBacklogBytes: file.events.max_backlog_bytes },
    schedules: { runTimeoutMs: file.schedules.run_timeout_ms, keepRuns: file.schedules.keep_runs },
  };
}
