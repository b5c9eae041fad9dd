import type { JsonText } from '@bulkhead/proto/json';
import type { HookName, HookPayloads } from '@bulkhead/proto/rules';
import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import type { PluginConfig } from './config/config.js';
import type { ResolveOptions } from './config/loaded-config.js';
import type { HookDescription } from './dispatch/describe-hooks.js';
import type { Dispatcher, DispatcherOptions } from './dispatch/dispatcher.js';
import type { InvokeOptions, InvokeResult, PluginRecord, RequestContext } from './dispatch/invocation.js';
import type { DisabledPlugin } from './dispatch/rotation.js';
import type { LifecycleListener } from './lifecycle/events.js';
import type { NotReady, PluginStatus } from './lifecycle/status.js';
import type { ApplyReport } from './lifecycle/supervisor.js';
import type { Services } from './services/services.js';
import type { HostMethod } from './sidecar/host-method.js';
import type { OpenedWall, WallStatus } from './sidecar/wall/open-wall.js';
import type { Launch } from './sidecar/sidecar.js';
import type { Store } from './store/store.js';
import type { ConfigLayer } from './stored-config/config-layer.js';
import type { Upstream } from './upstream/upstream.js';
import type { Secrets } from './services/secrets/secrets.js';
import type { Audit } from './telemetry/audit.js';
import type { SecretValues } from './telemetry/secret-values.js';
import type { Metrics, MetricsSnapshot } from './telemetry/metrics.js';

/** A hook's payload as a caller gives it: fields with a default may be left out, a JSON field may be text that nobody has parsed. */
export type HookInput<H extends HookName> = {
  readonly [K in keyof HookPayloads[H]]?: HookPayloads[H][K] | JsonText;
};

/** The parts a host is made of. Each may be replaced; tests do. */
export interface HostParts {
  readonly clock?: Clock;
  /** Default: JSON lines on standard error, at the configuration's level. */
  readonly log?: Logger;
  readonly metrics?: Metrics;
  /** Default: real processes. */
  readonly launch?: Launch;
  readonly createDispatcher?: (options: DispatcherOptions) => Dispatcher;
  /** Takes every record, besides the metrics. Must be quick. */
  readonly onRecord?: (record: PluginRecord) => void;
  /** Asked before every start of a plugin, restarts too; one that it rejects does not start. Default: nothing is verified. */
  readonly verify?: (plugin: PluginConfig) => Promise<void>;
  /**
   * Where the host keeps what plugins and operators give it. `createHost` opens the one that the configuration names when
   * there is none here, and closes that one again.
   */
  readonly store?: Store;
  /** The upstream MCP server of that name, for tools that plugins execute. Default: there are none. */
  readonly upstream?: (name: string) => Upstream | undefined;
  /** Through which plugins may change configuration. Default: none, they may not. */
  readonly configLayer?: ConfigLayer;
  /** Of a `store` that is given here. Default: nothing is audited. */
  readonly audit?: Audit;
  /** Of a `store` that is given here. Default: there are none. */
  readonly secrets?: Secrets;
  /** What is taken out of what plugins log. Default: nothing. */
  readonly secretValues?: SecretValues;
  /** What the host serves to every plugin, besides its log and the Service API. */
  readonly hostMethods?: readonly HostMethod[];
  /**
   * The environment that `${env:NAME}` reads and whose PATH, LANG and TZ plugins get; usually `process.env`.
   * Default: empty, so that nothing of the program's environment is read.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The Node that runs plugins, absolute. Default: the one that runs the host. */
  readonly nodePath?: string;
  /** Default: as `host.sandbox` says, by what this machine offers; asked once. Not used with a `launch` of your own. */
  readonly openWall?: () => Promise<OpenedWall>;
  /**
   * Holds the limits of plugins by cgroups, where the program has one of its own (version 2, delegated); it moves into a
   * leaf of that one. Default: false, limits are watched.
   */
  readonly cgroups?: boolean;
}

export interface CreateHostOptions extends HostParts {
  /** Where relative paths of the configuration count from. Default: the working directory. */
  readonly baseDirectory?: string;
  /** Which plugins there are. Default: what is installed in `host.plugins_dir`, and directories that the configuration names. */
  readonly catalog?: ResolveOptions['catalog'];
}

export interface HostStatus {
  /** The wall around plugin processes; undefined before `start()`, and with a `launch` of your own. */
  readonly sandbox: WallStatus | undefined;
  readonly state: 'new' | 'running' | 'stopping' | 'stopped';
  readonly plugins: readonly PluginStatus[];
  /** Enabled plugins that a call would not reach now. */
  readonly notReady: readonly NotReady[];
  /** Plugins that `on_error: disable` took out of rotation. */
  readonly outOfRotation: readonly DisabledPlugin[];
  readonly metrics: MetricsSnapshot;
}

/** Runs hooks through plugins, each in a process of its own. */
export interface Host<Config = object> {
  /** The Service API and what it keeps; undefined without a store. */
  readonly services: Services | undefined;
  /**
   * Clears what a dead host left, and starts every enabled plugin. One that does not guard and cannot start is
   * reported in `status()` and tried again.
   *
   * @throws BulkheadError GUARD_NOT_READY when a guard cannot start; everything is stopped again then
   */
  start(): Promise<void>;
  /**
   * Runs a hook's plugins on a payload. A denial is a result with `allowed: false`.
   *
   * @throws BulkheadError UNKNOWN_HOOK, INVALID_PAYLOAD, PAYLOAD_TOO_LARGE, CANCELLED, DEADLINE_EXCEEDED, SHUTTING_DOWN
   */
  invoke<H extends HookName>(
    hook: H,
    payload: HookInput<H>,
    context?: RequestContext,
    options?: InvokeOptions,
  ): Promise<InvokeResult<HookPayloads[H]>>;
  invoke(
    hook: string,
    payload: object,
    context?: RequestContext,
    options?: InvokeOptions,
  ): Promise<InvokeResult>;
  /** Whether any plugin is on the hook; when not, building a payload can be skipped. */
  listens(hook: string): boolean;
  hooks(): readonly HookDescription[];
  /** The outermost answer of a request was given: the state that plugins kept for it goes. */
  endRequest(requestId: string, stateScope?: string): void;
  /** Starts new processes, swaps, lets the old ones finish. @throws the start's error, and the old ones serve on */
  reload(plugin: string): Promise<void>;
  /** Starts a disabled plugin, tries a failed or quarantined one at once, puts one that `on_error: disable` took out back. */
  enable(plugin: string): Promise<void>;
  disable(plugin: string): Promise<void>;
  /** Takes another configuration and touches only what changed. Plugins and custom hooks; the rest needs a new host. */
  apply(config: Config): Promise<ApplyReport>;
  status(): HostStatus;
  /** Returns the function that unsubscribes. */
  subscribe(listener: LifecycleListener): () => void;
  /** Takes no new calls, lets those in flight finish, stops every process. Returns within its bounds; never rejects. */
  stop(): Promise<void>;
}
