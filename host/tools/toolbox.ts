import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import { isPluginServer } from '../config/plugin-servers.js';
import type { HookPort } from '../dispatch/hook-port.js';
import type { EventOutbox } from '../events/outbox.js';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import type { Store } from '../store/store.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { createApprovals, type Approvals } from './approvals/approvals.js';
import { createContributedTools, type ContributedTools } from './contributed-tools.js';
import { createHttpClient, type HttpClient } from './kinds/http-client.js';
import { createToolPolicies, type ToolPolicies } from './policy.js';
import { createSchemaCheck, type SchemaCheck } from '../schemas/schema-check.js';
import { createToolReport, type EndedCall } from './tool-report.js';
import { createToolRunner, type ToolRunner } from './tool-runner.js';

type ToolboxConfig = Pick<HostConfig, 'tools' | 'upstreams'>;

export interface ToolboxOptions {
  readonly config: ToolboxConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly log: Pick<Logger, 'warn'>;
  readonly hooks: Pick<HookPort, 'listens' | 'invoke'>;
  readonly active: () => readonly ActivePlugin[];
  /** Where `plugin_tool.invoked` goes. Absent: nowhere. */
  readonly events?: Pick<EventOutbox, 'publish'>;
  /** Hears of every call once it ended. Must be quick. */
  readonly onCall: (ended: EndedCall) => void;
}

/** All that has to do with running tools. */
export interface Toolbox {
  readonly runner: ToolRunner;
  readonly policies: () => ToolPolicies;
  readonly contributed: ContributedTools;
  readonly approvals: Approvals;
  /** Holds what callers and plugins say against the schemas that plugins declare. */
  readonly schemas: SchemaCheck;
  /** For HTTP tools. */
  readonly http: HttpClient;
  /** Takes another configuration, for calls that come from now on. */
  update(config: ToolboxConfig): void;
}

export function createToolbox(options: ToolboxOptions): Toolbox {
  const { active, clock, audit } = options;
  let config = options.config.tools;
  let policies = policiesOf(options.config);
  let upstreams = namesOf(options.config);
  const contributed = createContributedTools(active, () => policies);
  const approvals = createApprovals({
    store: options.store,
    clock,
    audit,
    settings: () => config,
    policyOf: (id) => {
      const at = id.indexOf('/');
      const [server, name] = [id.slice(0, at), id.slice(at + 1)];
      const kind = upstreams.has(server) ? 'mcp' : 'http';
      return policies.judge(contributed.find(server, name) ?? { server, name, kind });
    },
  });
  const report = createToolReport(options);
  const schemas = createSchemaCheck({ clock });
  const runner = createToolRunner({
    hooks: options.hooks,
    policies: () => policies,
    approvals,
    clock,
    schemas,
    report: (ended) => {
      report(ended);
      options.onCall(ended);
    },
  });
  return {
    runner,
    policies: () => policies,
    contributed,
    approvals,
    schemas,
    http: createHttpClient({ allowPrivate: () => config.allowPrivate, setting: 'tools.allow_private' }),
    update(next) {
      config = next.tools;
      policies = policiesOf(next);
      upstreams = namesOf(next);
    },
  };
}

function policiesOf({ tools, upstreams }: ToolboxConfig): ToolPolicies {
  const contributed = upstreams.filter(isPluginServer).map(({ name }) => name);
  return createToolPolicies(tools, new Set(contributed));
}

function namesOf({ upstreams }: ToolboxConfig): ReadonlySet<string> {
  return new Set(upstreams.map(({ name }) => name));
}
