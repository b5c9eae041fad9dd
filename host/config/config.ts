import type { ObjectHookDeclaration } from '@bulkhead/proto/rules';
import type { Permissions } from '@bulkhead/proto/rules/schema';
import type { Conditions, CustomHookDeclaration, Manifest, Mode, OnError } from '../manifest/manifest.js';
import type { AuditConfig } from './audit-section.js';
import type { DatasourcesConfig } from './datasources-section.js';
import type { Placement } from './effective-grant.js';
import type { PluginUids } from './plugin-uids.js';
import type { ServiceBounds } from './service-bounds.js';
import type { ServiceBudgets } from './service-budgets.js';
import type { SecretKeyPlace } from './secrets-section.js';
import type { RemotePlugin } from './remote-address.js';

/** The whole configuration, checked, merged and resolved. Durations in milliseconds, sizes in bytes. */
export interface HostConfig {
  /** `production` when unset. */
  readonly environment: string;
  readonly host: {
    readonly dataDir: string;
    readonly pluginsDir: string;
    readonly cacheDir: string;
    readonly sandbox: 'auto' | 'strict' | 'basic' | 'off';
    /** Users of their own for plugins of a host that root runs. */
    readonly pluginUids: PluginUids;
    /** Names of environment variables that `${env:NAME}` may read. */
    readonly envAllow: readonly string[];
    readonly drainTimeoutMs: number;
    /** Whether anything but a file may change the configuration. */
    readonly configWrites: 'allow' | 'refuse';
  };
  readonly store: {
    /** Of a PostgreSQL server, with its password: never shown. Absent: a SQLite file in `dataDir`. */
    readonly url?: string;
  };
  readonly log: { readonly level: string };
  readonly listen: {
    /** Data plane; default 127.0.0.1:7410. */
    readonly data: ListenConfig;
    /** Control plane; default 127.0.0.1:7411. */
    readonly control: ListenConfig;
  };
  readonly limits: {
    /** Deadline of a hook call where nothing says otherwise; default 5,000. */
    readonly callTimeoutMs: number;
    /** Largest JSON text of one field; default 1,000,000. */
    readonly maxPayloadBytes: number;
    /** Per hook, where it differs. */
    readonly maxPayloadBytesByHook: Readonly<Record<string, number>>;
    readonly auditBudgetMs: number;
    readonly stateTtlMs: number;
    readonly maxBodyBytes: number;
  };
  readonly lifecycle: {
    readonly startTimeoutMs: number;
    readonly healthIntervalMs: number;
    readonly healthTimeoutMs: number;
    readonly healthMisses: number;
    readonly backoffInitialMs: number;
    readonly backoffMaxMs: number;
    readonly crashLimit: number;
    readonly crashWindowMs: number;
    readonly stopDrainMs: number;
    readonly stopTermMs: number;
    readonly stopKillMs: number;
  };
  /** What plugins may ask of the host. */
  readonly services: ServiceBounds & {
    /** Of an entry that sets none. */
    readonly budgets: ServiceBudgets;
    readonly analytics: { readonly keepDays: number };
  };
  readonly audit: AuditConfig;
  readonly secrets: SecretKeyPlace;
  readonly link: { readonly mtls: 'auto' | 'always' | 'never'; readonly maxMessageBytes: number };
  readonly policy: {
    readonly failOpen: 'allow' | 'forbid';
    /** How a denial of a tool call looks through MCP. */
    readonly denyAs: 'error' | 'result';
    readonly exposeViolationDetails: boolean;
  };
  readonly upstreams: readonly UpstreamConfig[];
  readonly tools: ToolsConfig;
  readonly datasources: DatasourcesConfig;
  readonly apps: readonly AppConfig[];
  /** Hooks that the configuration, the embedder or a plugin in use declares. */
  readonly customHooks: readonly CustomHookDeclaration[];
  /** In configuration order; entries that are not enabled too, when their plugin is there. */
  readonly plugins: readonly PluginConfig[];
  /** What a person should know though it is no error: ALIAS_USED, NOT_YET_USED, FAILS_OPEN, NOT_STABLE … */
  readonly notices: readonly Notice[];
}

export interface ListenConfig {
  readonly host: string;
  readonly port: number;
  /** Host names (with port where it is not the listener's) that Host and Origin may carry, besides loopback's own. */
  readonly allowedHosts: readonly string[];
  readonly behindProxy: boolean;
}

export type UpstreamConfig = {
  readonly name: string;
  readonly startTimeoutMs: number;
  readonly callTimeoutMs: number;
} & (
  | {
      readonly transport: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string;
    }
  | {
      readonly transport: 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** A program of a plugin's package, over stdio, behind the plugin's wall. */
  | {
      readonly transport: 'plugin';
      /** The configured entry. */
      readonly plugin: string;
      /** Its name in the manifest. */
      readonly server: string;
    }
  /** A server that a plugin names by its address; reached under the plugin's network grant. */
  | {
      readonly transport: 'plugin-url';
      readonly plugin: string;
      readonly server: string;
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
    }
);

export type ToolPolicy = 'allow' | 'require_approval' | 'deny';

/** What operators say about tools. */
export interface ToolsConfig {
  /** By `<plugin or server>/<tool>`. A plugin's tool that is not here does not exist for any caller. */
  readonly expose: Readonly<Record<string, ToolPolicy>>;
  /** How long a call waits for its approval before it is answered APPROVAL_PENDING. */
  readonly approvalWaitMs: number;
  /** How long an approval can be asked for, and after it the same call be made. */
  readonly approvalValidMs: number;
  /** Calls of one app, or one plugin, that may wait for a decision. */
  readonly maxPendingApprovals: number;
  /** Where HTTP tools may go outside the public internet: names, addresses, ranges. */
  readonly allowPrivate: readonly string[];
}

export interface AppConfig {
  readonly id: string;
  /** SHA-256 of each accepted key, hex; the configuration may give the key itself through ${env:…}. */
  readonly keyHashes: readonly string[];
  readonly tenantId?: string;
  /** What it may use of routes of plugins that ask for scopes. */
  readonly scopes?: readonly string[];
  /** May say in `POST /hooks` who the user and tenant are. */
  readonly assertContext: boolean;
}

export interface HookConfig {
  readonly hook: string;
  readonly mode: Mode;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly conditions: readonly Conditions[];
  readonly fields?: readonly string[];
  readonly idempotent: boolean;
  readonly batch?: { readonly max: number; readonly maxWaitMs: number };
}

/** One configured entry: one process (or `instances` of them). */
export interface PluginConfig {
  /** The entry's name, unique. */
  readonly name: string;
  readonly enabled: boolean;
  readonly manifest: Manifest;
  /** The plugin's package root. */
  readonly directory: string;
  /** The Node that it brings along and runs on, absolute; absent: the host's. */
  readonly nodePath?: string;
  /** Instead of the SDK's runner: an operator's own command for a plugin that is not an npm package. */
  readonly command?: readonly [string, ...string[]];
  /** Instead of a process of the host's: where one is connected to. */
  readonly remote?: RemotePlugin;
  readonly mode: Mode;
  readonly onError: OnError;
  readonly hooks: readonly HookConfig[];
  /** Those that run: of what the manifest declares (or, where it says nothing, the entry lists) what is granted. */
  readonly objectHooks: readonly ObjectHookDeclaration[];
  /** How object hooks run: the mode that the entry names, else sequential, whatever its other hooks do. */
  readonly objectHookMode: Mode;
  readonly instances: number;
  readonly network: 'unix' | 'tcp';
  readonly env: Readonly<Record<string, string>>;
  /** What its network grant may reach outside the public internet: names, addresses, ranges. */
  readonly networkPrivate: readonly string[];
  readonly maxInFlight: number;
  readonly maxQueue: number;
  /** What its processes may use up, each with all that it starts. */
  readonly limits: PluginLimits;
  /** How often it may ask the host. */
  readonly serviceBudgets: ServiceBudgets;
  /** Where it came from: what is installed, a directory that the entry names, or a program of the operator's own. */
  readonly placement: Placement;
  /** What it may do. The guard of the Service API, the filter of the context, the sandbox and secrets all take it from here. */
  readonly granted: Permissions;
  /** Why it must not start: nobody decided what it may do. Nothing is granted then. */
  readonly grantMissing?: string;
  /** `granted.context`. */
  readonly grantedContext: readonly string[];
  /** `granted.services`, and the scopes that those include; what the guard of the Service API goes by. */
  readonly grantedScopes: readonly string[];
  readonly logLevel: string;
  /** Merged, references resolved, checked against the manifest's schema. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A bound that is not there is what the machine has. */
export interface PluginLimits {
  readonly memoryMb?: number;
  /** Processes and threads. */
  readonly processes?: number;
  /** Processors. */
  readonly cpu?: number;
  /** Of one process. */
  readonly openFiles?: number;
  /** Its data directory and its launch directory together. */
  readonly diskMb?: number;
}

export interface Notice {
  /** For example FAILS_OPEN, ALIAS_USED, NOT_YET_USED. */
  readonly code: string;
  readonly message: string;
  /** The entry's name. */
  readonly plugin?: string;
  readonly file?: string;
  readonly line?: number;
}
