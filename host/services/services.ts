import type { Clock } from '../clock.js';
import type { HostConfig, PluginConfig } from '../config/config.js';
import type { ServiceBudgets } from '../config/service-budgets.js';
import type { LifecyclePort } from '../lifecycle/plugin-calls.js';
import type { Guard, HostMethod } from '../sidecar/host-method.js';
import type { Store } from '../store/store.js';
import { NO_AUDIT, type Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { createGuard } from './guard.js';

/** A plugin that takes calls, with the configuration in force. */
export interface ActivePlugin {
  readonly config: PluginConfig;
  readonly port: LifecyclePort;
}

export interface ServicesOptions {
  readonly config: HostConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The plugins that take calls now. */
  readonly active: () => readonly ActivePlugin[];
}

/** What the host does for its plugins, and keeps for its operators. */
export interface Services {
  /** What plugins may call. */
  readonly methods: readonly HostMethod[];
  readonly guard: Guard;
  readonly audit: Audit;
  /** The plugins that take calls, or the configuration of one, are others now. */
  rewire(): void;
  /** Before plugins start. */
  start(): Promise<void>;
  /** After plugins have stopped. Never rejects. */
  stop(): Promise<void>;
}

/** Puts the Service API together. */
export function createServices({ clock, config, active }: ServicesOptions): Services {
  const audit = NO_AUDIT;
  const budgets = new Map<string, ServiceBudgets>();
  const guard = createGuard({
    clock,
    audit,
    budgetsOf: (name) => budgets.get(name) ?? config.services.budgets,
    onCall: () => {},
  });
  return {
    methods: [],
    guard,
    audit,
    rewire() {
      for (const { config: entry } of active()) budgets.set(entry.name, entry.serviceBudgets);
    },
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}
