import type { ObjectHookDeclaration } from '@bulkhead/proto/rules';
import { ErrorCode } from '@bulkhead/proto';
import {
  compileSchema,
  problemsFromAjv,
  type Conditions,
  type JsonSchema,
  type SchemaProblem,
} from '@bulkhead/proto/rules/schema';
import { treeAt, valueOf, type SourceTree } from '../manifest/source-tree.js';
import type { AuditSection } from './audit-section.js';
import { BULKHEAD_SCHEMA } from './bulkhead-schema.js';
import type { HostConfig } from './config.js';
import { without } from './merge.js';
import type { LimitsSection } from './resource-limits.js';
import type { ServiceBoundsSection } from './service-bounds.js';
import type { SecretsSection } from './secrets-section.js';
import type { ServiceBudgetsSection } from './service-budgets.js';
import type { ToolsSection } from './bulkhead-schema-tools.js';
import type { DatasourcesSection } from './datasources-section.js';

/** bulkhead.yaml after its schema: shapes are right, the host's own defaults filled in. */
export interface BulkheadFile {
  readonly environment: string;
  readonly host: {
    readonly data_dir: string;
    readonly plugins_dir?: string;
    readonly cache_dir?: string;
    readonly sandbox: HostConfig['host']['sandbox'];
    readonly plugin_uids: HostConfig['host']['pluginUids'];
    readonly env_allow: readonly string[];
    readonly drain_timeout_ms: number;
    readonly config_writes: HostConfig['host']['configWrites'];
    readonly limits: LimitsSection;
  };
  readonly store: { readonly url?: string };
  readonly log: { readonly level: string };
  readonly listen: { readonly data: ListenSection; readonly control: ListenSection };
  readonly limits: {
    readonly call_timeout_ms: number;
    readonly max_payload_bytes: number;
    readonly max_payload_bytes_by_hook: Readonly<Record<string, number>>;
    readonly audit_budget_ms: number;
    readonly state_ttl_ms: number;
    readonly max_body_bytes: number;
  };
  readonly lifecycle: {
    readonly start_timeout_ms: number;
    readonly health_interval_ms: number;
    readonly health_timeout_ms: number;
    readonly health_misses: number;
    readonly backoff_initial_ms: number;
    readonly backoff_max_ms: number;
    readonly crash_limit: number;
    readonly crash_window_ms: number;
    readonly stop_drain_ms: number;
    readonly stop_term_ms: number;
    readonly stop_kill_ms: number;
  };
  readonly services: ServiceBoundsSection & {
    readonly limits: ServiceBudgetsSection;
    readonly analytics: { readonly keep_days: number };
  };
  readonly audit: AuditSection;
  readonly secrets: SecretsSection;
  readonly link: { readonly mtls: HostConfig['link']['mtls']; readonly max_message_bytes: number };
  readonly policy: {
    readonly fail_open: HostConfig['policy']['failOpen'];
    readonly min_maturity?: 'alpha' | 'beta' | 'stable';
    readonly deny_as: HostConfig['policy']['denyAs'];
    readonly expose_violation_details: boolean;
  };
  readonly install: {
    readonly on_start: 'locked' | 'never';
    readonly sources?: {
      readonly registries?: readonly string[];
      readonly scopes?: readonly string[];
      readonly folders?: readonly string[];
      readonly publishers?: readonly string[];
    };
    readonly unrun_scripts: readonly string[];
  };
  readonly mcp_servers: Readonly<Record<string, UpstreamSection>>;
  readonly tools: ToolsSection;
  readonly datasources: DatasourcesSection;
  readonly apps?: Readonly<Record<string, AppSection>>;
  readonly custom_hooks?: Readonly<
    Record<string, { readonly payload: JsonSchema; readonly writable?: readonly string[] }>
  >;
  readonly plugins?: Readonly<Record<string, PluginEntry>>;
}

export interface ListenSection {
  readonly address: string;
  readonly allowed_hosts: readonly string[];
  readonly behind_proxy: boolean;
  readonly tls?: JsonSchema;
  readonly trusted_proxies?: readonly string[];
}

export interface UpstreamSection {
  readonly enabled: boolean;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly start_timeout_ms: number;
  readonly call_timeout_ms: number;
}

export interface AppSection {
  readonly keys: readonly string[];
  readonly tenant_id?: string;
  readonly scopes?: readonly string[];
  readonly assert_context?: boolean;
}

export interface HookEntry {
  readonly mode?: string;
  readonly priority?: number;
  readonly timeout_ms?: number;
  readonly conditions?: Conditions | readonly Conditions[];
  readonly fields?: readonly string[];
  readonly batch?: { readonly max: number; readonly max_wait_ms?: number };
  readonly idempotent?: boolean;
  readonly tools?: readonly { readonly tool_name: string; readonly fields?: readonly string[] }[];
}

export interface PluginEntry {
  readonly enabled?: boolean;
  readonly plugin?: string;
  readonly kind?: string;
  readonly mode?: string;
  readonly priority?: number;
  readonly on_error?: 'fail' | 'ignore' | 'disable';
  readonly timeout_ms?: number;
  readonly hooks?: readonly string[] | Readonly<Record<string, HookEntry | null>>;
  readonly object_hooks?: readonly ObjectHookDeclaration[];
  readonly conditions?: Conditions | readonly Conditions[];
  readonly instances?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly network?: 'unix' | 'tcp';
  readonly network_private?: readonly string[];
  readonly command?: string | readonly string[];
  readonly address?: string;
  readonly tls?: {
    readonly ca?: string;
    readonly fingerprint?: string;
    readonly cert: string;
    readonly key: string;
  };
  readonly limits?: LimitsSection;
  readonly service_limits?: ServiceBudgetsSection;
  readonly max_in_flight?: number;
  readonly max_queue?: number;
  readonly grants?: {
    readonly context?: readonly string[];
    readonly scopes?: readonly string[];
    readonly network?: readonly string[];
    readonly secrets?: readonly string[];
    readonly filesystem?: readonly { readonly path: string; readonly access?: 'ro' | 'rw' }[];
    readonly subprocess?: boolean;
    readonly plugins?: readonly string[];
    readonly open_routes?: boolean;
    readonly object_hooks?: readonly string[];
  };
  readonly log_level?: string;
  readonly description?: string;
  readonly hook_type?: string;
  readonly is_active?: boolean;
}

// Faults are cut out and the rest is looked at again, so that faults of meaning are told in the same run.
const MAX_ROUNDS = 20;

const validators: {
  check?: ReturnType<typeof compileSchema>;
  fill?: ReturnType<typeof compileSchema<BulkheadFile>>;
} = {};

/**
 * Checks a merged configuration against the schema.
 *
 * @returns the faults, and what is left without the places at fault, defaults filled in
 */
export function parseBulkheadFile(tree: SourceTree): {
  readonly file: BulkheadFile;
  readonly problems: readonly SchemaProblem[];
} {
  validators.check ??= compileSchema(BULKHEAD_SCHEMA, { trusted: true });
  validators.fill ??= compileSchema<BulkheadFile>(BULKHEAD_SCHEMA, { useDefaults: true, trusted: true });
  const { check, fill } = validators;
  const problems: SchemaProblem[] = [];
  let rest = tree;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const value = valueOf(rest);
    if (check(value)) break;
    const found = problemsFromAjv(check.errors ?? [], value, {
      code: ErrorCode.CONFIG_INVALID,
      describeValue: (keys, at) => describeHidden(treeAt(rest, keys)) ?? plainly(at),
    });
    if (round === 0) problems.push(...found);
    for (const { keys } of found) {
      const there = treeAt(rest, keys) === undefined ? keys.slice(0, -1) : keys;
      rest = without(rest, there);
    }
  }
  const value = valueOf(rest);
  if (fill(value)) return { file: value, problems };
  const defaults: unknown = {};
  if (fill(defaults)) return { file: defaults, problems };
  throw new Error('the defaults of the configuration do not pass their own schema');
}

/** A value that was read through a reference is not shown. */
export function describeHidden(tree: SourceTree | undefined): string | undefined {
  return tree?.kind === 'value' && tree.shown !== undefined ? `the value of ${tree.shown}` : undefined;
}

/** What came, in a few words. */
export function plainly(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
