import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import type { ServiceBudgets } from '../config/service-budgets.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import { createPluginContributions, type PluginContributions } from '../contributions/contributions.js';
import type { HookPort } from '../dispatch/hook-port.js';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import type { Guard, HostMethod } from '../sidecar/host-method.js';
import type { Store } from '../store/store.js';
import { NO_AUDIT, type Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { createAnalyticsMethods } from './analytics/analytics-service.js';
import { CustomMetrics } from './analytics/custom-metrics.js';
import { UsageMeter } from './analytics/usage-meter.js';
import { useOfCall, useOfRecord, useOfTool } from './analytics/uses.js';
import { createToolbox, type Toolbox } from '../tools/toolbox.js';
import { createGuard } from './guard.js';

export interface ServicesOptions {
  readonly config: HostConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The plugins that take calls now. */
  readonly active: () => readonly ActivePlugin[];
  readonly hooks: Pick<HookPort, 'listens' | 'invoke'>;
}

/** What the host does for its plugins, and keeps for its operators. */
export interface Services {
  /** What plugins may call. */
  readonly methods: readonly HostMethod[];
  readonly guard: Guard;
  readonly audit: Audit;
  /** What is used, counted; whoever runs tools tells it. */
  readonly usage: UsageMeter;
  readonly metrics: CustomMetrics;
  /** Takes what hooks did. Quick. */
  onRecord(record: PluginRecord): void;
  /** The plugins that take calls, or the configuration of one, are others now. */
  rewire(): void;
  readonly toolbox: Toolbox;
  readonly contributions: PluginContributions;
  /** Takes another configuration, for what comes from now on. */
  update(config: HostConfig): void;
  /** Before plugins start. */
  start(): Promise<void>;
  /** After plugins have stopped. Never rejects. */
  stop(): Promise<void>;
}

/** Puts the Service API together. */
export function createServices(options: ServicesOptions): Services {
  const { store, clock, log, config, active } = options;
  const audit = NO_AUDIT;
  const usage = new UsageMeter({ store, clock, log, keepDays: config.services.analytics.keepDays });
  const metrics = new CustomMetrics();
  const budgets = new Map<string, ServiceBudgets>();
  const guard = createGuard({
    clock,
    audit,
    budgetsOf: (name) => budgets.get(name) ?? config.services.budgets,
    onCall: (call) => {
      usage.observe(useOfCall(call));
    },
  });
  const toolbox = createToolbox({
    ...options,
    audit,
    onCall: (ended) => {
      usage.observe(useOfTool(ended));
    },
  });
  return {
    methods: [...createAnalyticsMethods({ store, usage, metrics })],
    guard,
    audit,
    usage,
    metrics,
    onRecord(record) {
      usage.observe(useOfRecord(record));
    },
    rewire() {
      for (const { config: entry } of active()) budgets.set(entry.name, entry.serviceBudgets);
    },
    toolbox,
    contributions: createPluginContributions(active, audit),
    update(next) {
      toolbox.update(next);
    },
    start() {
      toolbox.approvals.start();
      return Promise.resolve();
    },
    stop() {
      toolbox.approvals.stop();
      return usage.flush();
    },
  };
}
