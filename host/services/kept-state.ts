import type { Clock } from '../clock.js';
import type { PluginConfig } from '../config/config.js';
import type { ServiceBounds } from '../config/service-bounds.js';
import { createEvents, type Events } from '../events/events.js';
import type { LifecyclePort } from '../lifecycle/plugin-calls.js';
import type { HostMethod } from '../sidecar/host-method.js';
import type { Store } from '../store/store.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { createEventMethods } from './events/service.js';
import { createKv, type Kv } from './kv/kv.js';
import { createKvMethods } from './kv/service.js';
import { createSchedules, type Schedules } from './schedules/schedules.js';
import { createScheduleMethods } from './schedules/service.js';

export interface KeptStateOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  /** The plugins that take calls now. */
  readonly active: () => readonly { readonly config: PluginConfig; readonly port: LifecyclePort }[];
  /** Every configured plugin. */
  readonly configured: () => readonly PluginConfig[];
  /** Those in force. */
  readonly bounds: () => ServiceBounds;
}

/** What the host keeps for plugins: keys, events that wait, schedules. */
export interface KeptState {
  readonly kv: Kv;
  readonly events: Events;
  readonly schedules: Schedules;
  readonly methods: readonly HostMethod[];
  start(): void;
  /** The plugins that take calls are others now. */
  rewire(): void;
  /** Asks no more of plugins. */
  pause(): void;
  /** After plugins have stopped. */
  stop(): Promise<void>;
}

/** Between two removals of expired keys. */
const KV_SWEEP_MS = 30_000;

export function createKeptState(options: KeptStateOptions): KeptState {
  const { active, configured, bounds, ...parts } = options;
  const kv = createKv({ ...parts, quota: () => bounds().kv, sweepIntervalMs: KV_SWEEP_MS });
  const events = createEvents({
    ...parts,
    receivers: () => active().map(({ config, port }) => ({ name: config.name, port })),
    bound: () => bounds().events,
  });
  const schedules = createSchedules({
    ...parts,
    plugins: () =>
      active().map(({ config, port }) => ({
        name: config.name,
        declared: config.manifest.contributions.schedules,
        port,
      })),
    bounds: () => bounds().schedules,
  });
  return {
    kv,
    events,
    schedules,
    methods: [
      ...createKvMethods(kv),
      ...createEventMethods(events.outbox, events.subscriptions, () =>
        configured().map(({ manifest }) => manifest.id),
      ),
      ...createScheduleMethods(schedules),
    ],
    start() {
      kv.start();
      events.start();
      schedules.start();
    },
    rewire() {
      events.rewire();
      schedules.rewire();
    },
    pause() {
      events.pause();
      schedules.pause();
    },
    async stop() {
      await schedules.stop();
      await events.stop();
      await kv.stop();
    },
  };
}
