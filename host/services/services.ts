import type { Clock } from '../clock.js';
import type { HostConfig, PluginConfig } from '../config/config.js';
import type { ServiceBudgets } from '../config/service-budgets.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import type { LifecycleEvent } from '../lifecycle/events.js';
import type { LifecyclePort } from '../lifecycle/plugin-calls.js';
import type { PluginStatus } from '../lifecycle/status.js';
import { createObjects } from '../objects/create-objects.js';
import type { HookRotation } from '../objects/hook-list.js';
import type { Objects } from '../objects/objects.js';
import { NO_SEAL } from '../objects/seal.js';
import type { Guard, HostMethod } from '../sidecar/host-method.js';
import type { Store } from '../store/store.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { createAnalyticsMethods } from './analytics/analytics-service.js';
import { CustomMetrics } from './analytics/custom-metrics.js';
import { UsageMeter } from './analytics/usage-meter.js';
import { queryUsage, type UsageQuery, type UsageRow } from './analytics/usage-query.js';
import { useOfCall, useOfRecord } from './analytics/uses.js';
import { createAppMethods } from './apps/app-service.js';
import { createDatasourceMethods } from './datasources/datasource-service.js';
import { createQueryDatasource } from './datasources/query-datasource.js';
import { createSources } from './datasources/sources.js';
import { createRecordAudit } from './audit-records.js';
import { createGuard } from './guard.js';
import { createKeptState, type KeptState } from './kept-state.js';
import { createLlmMethods } from './llms/llm-service.js';
import { FILES_ONLY, type PluginConfigWriter } from './plugins/config-writer.js';
import { createPluginMethods } from './plugins/plugin-service.js';
import { summaryOf } from './plugins/plugin-summary.js';
import { RefusalLog } from './refusal-log.js';
import { createSecretMethods } from './secrets/secret-service.js';
import type { Secrets } from './secrets/secrets.js';
import { createToolMethods, runsNoTools } from './tools/tool-service.js';
import { createUserMethods } from './users/user-service.js';

/** A plugin that takes calls, with the configuration in force. */
export interface ActivePlugin {
  readonly config: PluginConfig;
  readonly port: LifecyclePort;
}

export interface ServicesOptions {
  readonly config: HostConfig;
  readonly store: Store;
  readonly audit: Audit;
  /** Absent: plugins are served none. */
  readonly secrets?: Pick<Secrets, 'get'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The plugins that take calls now. */
  readonly active: () => readonly ActivePlugin[];
  /** Every configured plugin, those that are not enabled too, in configuration order. */
  readonly configured: () => readonly PluginConfig[];
  readonly pluginStates: () => readonly PluginStatus[];
  /** Runs an operation of a tool. Default: refuses. */
  readonly executeTool?: HostMethod['handle'];
  /** What plugins may write of the configuration. Default: nothing, it is written in files only. */
  readonly configWriter?: PluginConfigWriter;
  /** Plugins that `on_error: disable` took out; shared with the dispatcher. */
  readonly rotation: HookRotation;
  /** Takes the records of object hooks; others come by `onRecord`. */
  readonly onHookRecord: (record: PluginRecord) => void;
}

/** What the host does for its plugins, and keeps for its operators. */
export interface Services extends Pick<KeptState, 'kv' | 'events' | 'schedules'> {
  /** What plugins may call. */
  readonly methods: readonly HostMethod[];
  readonly guard: Guard;
  readonly audit: Audit;
  readonly objects: Objects;
  /** What is used, counted; whoever runs tools tells it. */
  readonly usage: UsageMeter;
  readonly metrics: CustomMetrics;
  /** What was used, as far as now. */
  usageOf(asked: UsageQuery): Promise<readonly UsageRow[]>;
  /** Takes what plugins were refused outside the Service API to the audit log. */
  readonly refusals: RefusalLog;
  /** Takes what hooks did. Quick. */
  onRecord(record: PluginRecord): void;
  /** Takes what happened to plugins. Quick. */
  onLifecycle(event: LifecycleEvent): void;
  /** Another configuration is in force. */
  configure(config: HostConfig): void;
  /** The plugins that take calls, or the configuration of one, are others now. */
  rewire(): void;
  /** Before plugins start. */
  start(): Promise<void>;
  /** Asks no more of plugins on its own; before they are stopped. */
  pause(): void;
  /** After plugins have stopped. Never rejects. */
  stop(): Promise<void>;
}

/** Puts the Service API together. */
export function createServices(options: ServicesOptions): Services {
  const { store, clock, log, audit, secrets, active } = options;
  let { config } = options;
  const usage = new UsageMeter({ store, clock, log, keepDays: config.services.analytics.keepDays });
  const metrics = new CustomMetrics();
  const auditRecord = createRecordAudit(audit, clock, config.audit.all);
  const budgets = new Map<string, ServiceBudgets>();
  const guard = createGuard({
    clock,
    audit,
    budgetsOf: (name) => budgets.get(name) ?? config.services.budgets,
    onCall: (call) => {
      usage.observe(useOfCall(call));
    },
  });
  const { kv, events, schedules, ...kept } = createKeptState({
    ...options,
    audit,
    bounds: () => config.services,
  });
  const sources = createSources({ clock, closed: [config.host.dataDir] });
  const { objects, ...afterHooks } = createObjects({
    ...options,
    audit,
    events: events.outbox,
    seal: NO_SEAL,
    onRecord: options.onHookRecord,
  });
  return {
    objects,
    kv,
    events,
    schedules,
    methods: [
      ...createLlmMethods(objects),
      ...createToolMethods(objects, options.executeTool ?? runsNoTools),
      ...createDatasourceMethods(
        objects,
        createQueryDatasource({ sources, datasources: objects.datasource }),
      ),
      ...createAppMethods(objects),
      ...createUserMethods(objects),
      ...createPluginMethods({
        summaries: () => {
          const states = new Map(options.pluginStates().map((state) => [state.name, state]));
          return options.configured().map((entry) => summaryOf(entry, states.get(entry.name)));
        },
        mayConfigure: (name) =>
          active().find(({ config: entry }) => entry.name === name)?.config.granted.plugins ?? [],
        writer: options.configWriter ?? FILES_ONLY,
      }),
      ...createAnalyticsMethods({ store, usage, metrics }),
      ...kept.methods,
      ...(secrets === undefined ? [] : createSecretMethods(secrets)),
    ],
    guard,
    audit,
    usage,
    metrics,
    async usageOf(asked) {
      await usage.flush();
      return queryUsage(store, asked);
    },
    onRecord(record) {
      usage.observe(useOfRecord(record));
      auditRecord(record);
    },
    onLifecycle(event) {
      events.onLifecycle(event);
    },
    configure(next) {
      config = next;
    },
    refusals: new RefusalLog(audit, clock),
    rewire() {
      for (const { config: entry } of active()) budgets.set(entry.name, entry.serviceBudgets);
      kept.rewire();
    },
    start() {
      kept.start();
      afterHooks.start();
      return Promise.resolve();
    },
    pause() {
      kept.pause();
    },
    async stop() {
      await kept.stop();
      await afterHooks.stop();
      await sources.close();
      await usage.flush();
    },
  };
}
