import type { Clock } from '../clock.js';
import type { HostConfig, PluginConfig } from '../config/config.js';
import type { ServiceBudgets } from '../config/service-budgets.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import { createPluginContributions, type PluginContributions } from '../contributions/contributions.js';
import type { HookPort } from '../dispatch/hook-port.js';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import type { LifecycleEvent } from '../lifecycle/events.js';
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
import { createToolUses, useOfCall, useOfRecord } from './analytics/uses.js';
import { createHttpTools, type HttpTools } from '../tools/http-tools.js';
import { createToolbox, type Toolbox } from '../tools/toolbox.js';
import { queryUsage, type UsageQuery, type UsageRow } from './analytics/usage-query.js';
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
import { createExecuteTool } from './tools/execute-tool.js';
import { createToolMethods } from './tools/tool-service.js';
import type { Upstream } from '../upstream/upstream.js';
import { RefusalLog } from './refusal-log.js';
import { createSecretMethods } from './secrets/secret-service.js';
import type { Secrets } from './secrets/secrets.js';
import { createUserMethods } from './users/user-service.js';

export interface ServicesOptions {
  readonly config: HostConfig;
  readonly store: Store;
  readonly audit: Audit;
  /** Absent: plugins are served none, and secrets inside objects are kept in clear. */
  readonly secrets?: Pick<Secrets, 'get' | 'objects'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The plugins that take calls now. */
  readonly active: () => readonly ActivePlugin[];
  readonly hooks: Pick<HookPort, 'listens' | 'invoke'>;
  /** Every configured plugin, those that are not enabled too, in configuration order. */
  readonly configured: () => readonly PluginConfig[];
  readonly pluginStates: () => readonly PluginStatus[];
  /** The upstream MCP server of that name. */
  readonly upstream: (name: string) => Upstream | undefined;
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
  readonly toolbox: Toolbox;
  /** Tool objects that MCP clients call over HTTP. */
  readonly httpTools: HttpTools;
  readonly contributions: PluginContributions;
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
  const useOfTool = createToolUses();
  const toolbox = createToolbox({
    ...options,
    audit,
    events: events.outbox,
    onCall: (ended) => {
      usage.observe(useOfTool(ended));
    },
  });
  const sources = createSources({
    clock,
    rules: () => config.datasources,
    closed: [config.host.dataDir, config.host.pluginsDir, config.host.cacheDir],
    schemas: toolbox.schemas,
  });
  const { objects, ...afterHooks } = createObjects({
    ...options,
    audit,
    events: events.outbox,
    seal: secrets?.objects ?? NO_SEAL,
    onRecord: options.onHookRecord,
  });
  const takeBudgets = (): void => {
    budgets.clear();
    for (const { name, serviceBudgets } of options.configured()) budgets.set(name, serviceBudgets);
  };
  return {
    objects,
    kv,
    events,
    schedules,
    methods: [
      ...createLlmMethods(objects),
      ...createToolMethods(
        objects,
        createExecuteTool({ ...toolbox, objects: objects.tool, upstreams: { get: options.upstream } }),
      ),
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
      ...createAnalyticsMethods({ clock, query: (asked) => queryUsage(store, asked), usage, metrics }),
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
      toolbox.update(next);
    },
    refusals: new RefusalLog(audit, clock),
    rewire() {
      takeBudgets();
      kept.rewire();
    },
    toolbox,
    httpTools: createHttpTools({
      store,
      objects: objects.tool,
      clock,
      log,
      active,
      http: toolbox.http,
      policies: toolbox.policies,
    }),
    contributions: createPluginContributions(active, audit, toolbox.schemas),
    start() {
      takeBudgets();
      toolbox.approvals.start();
      kept.start();
      afterHooks.start();
      return Promise.resolve();
    },
    pause() {
      kept.pause();
    },
    async stop() {
      toolbox.approvals.stop();
      await kept.stop();
      await afterHooks.stop();
      await sources.close();
      await toolbox.schemas.close();
      await usage.flush();
    },
  };
}
