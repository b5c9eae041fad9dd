import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonText } from '@bulkhead/proto/json';
import type { HookName, HookPayloads } from '@bulkhead/proto/rules';
import type { Logger } from 'pino';
import { openCatalog } from './catalog/catalog.js';
import { systemClock, type Clock } from './clock.js';
import type { HostConfig, PluginConfig } from './config/config.js';
import { resolveConfig, type ResolveOptions } from './config/load-config.js';
import type { HookDescription } from './dispatch/describe-hooks.js';
import { createDispatcher, type Dispatcher, type DispatcherOptions } from './dispatch/dispatcher.js';
import type { InvokeOptions, InvokeResult, PluginRecord, RequestContext } from './dispatch/invocation.js';
import type { ContextPermission, DispatchEntry } from './dispatch/port.js';
import type { DisabledPlugin } from './dispatch/rotation.js';
import { createGrantStore } from './grants/store.js';
import { createDescribe } from './lifecycle/describe-launch.js';
import type { LifecycleListener } from './lifecycle/events.js';
import { guardsNotReady } from './lifecycle/guard.js';
import type { NotReady, PluginStatus } from './lifecycle/status.js';
import { createSupervisor, type ApplyReport, type Supervisor } from './lifecycle/supervisor.js';
import type { HostMethod } from './sidecar/host-method.js';
import { createLauncher } from './sidecar/launch.js';
import type { ChosenWall } from './sidecar/wall/choose-wall.js';
import { openWall, type OpenedWall } from './sidecar/wall/open-wall.js';
import type { Launch, LaunchDescription } from './sidecar/sidecar.js';
import { sweepLeftovers } from './sidecar/sweep.js';
import { createLogger, parseLogLevel } from './telemetry/logger.js';
import { createMetrics, type Metrics, type MetricsSnapshot } from './telemetry/metrics.js';
import { redactText } from './telemetry/redact-text.js';
import { HOST_VERSION } from './version.js';

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
  /** What the host serves to every plugin, besides its log. */
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
  readonly sandbox: ChosenWall | undefined;
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

/**
 * A host for a program of your own. The configuration is what bulkhead.yaml would hold, as an object.
 *
 * @throws BulkheadError CONFIG_INVALID with every problem
 */
export async function createHost(config: object, options: CreateHostOptions = {}): Promise<Host> {
  const { baseDirectory = process.cwd(), catalog = openCatalog, env = {}, ...parts } = options;
  const clock = parts.clock ?? systemClock;
  const resolve = async (object: object): Promise<HostConfig> => {
    const { config: resolved } = await resolveConfig(object, {
      baseDirectory,
      catalog,
      grants: (dataDir) => createGrantStore(dataDir, clock),
      readEnv: (name) => env[name],
      versions: { app: HOST_VERSION, node: process.versions.node },
    });
    return resolved;
  };
  const host = assembleHost(await resolve(config), { ...parts, env });
  return { ...host, apply: async (next) => host.apply(await resolve(next)) };
}

/** A host from a configuration that is resolved already. */
export function assembleHost(config: HostConfig, parts: HostParts = {}): Host<HostConfig> {
  const clock = parts.clock ?? systemClock;
  const log = parts.log ?? createLogger({ level: parseLogLevel(config.log.level), destination: 2 });
  const metrics = parts.metrics ?? createMetrics();
  const runDir = join(config.host.dataDir, 'run');
  const nodePath = parts.nodePath ?? process.execPath;
  const wall = once(
    parts.openWall ??
      (() =>
        openWall({
          setting: config.host.sandbox,
          environment: config.environment,
          platform: process.platform,
          arch: process.arch,
          node: nodePath,
          searchPath: parts.env?.['PATH'],
          closed: [config.host.dataDir],
          cgroups: parts.cgroups ?? false,
        })),
  );
  let sandbox: ChosenWall | undefined;
  const launch =
    parts.launch ??
    createLauncher({
      log,
      clock,
      runDir,
      hostVersion: HOST_VERSION,
      hostMethods: parts.hostMethods ?? [],
      daemonEnv: parts.env ?? {},
      wall: async () => (await wall()).wall,
      redact: redactText,
      verify: (description) => verify(description),
    });
  const describe = createDescribe({
    ...config,
    nodePath,
    dataDirOf: (name) => join(config.host.dataDir, 'data', name),
  });
  const described = new WeakMap<LaunchDescription, PluginConfig>();
  const verify = async (description: LaunchDescription): Promise<void> => {
    const plugin = described.get(description);
    if (plugin !== undefined) await parts.verify?.(plugin);
  };
  const supervisor = createSupervisor({
    plugins: config.plugins,
    launch: async (description, signal) => {
      // A launcher of the host's own verifies when it holds the directory, so that nobody can swap it afterwards.
      if (parts.launch !== undefined) await verify(description);
      if (description.dataDir !== undefined)
        await mkdir(description.dataDir, { recursive: true, mode: 0o700 });
      return launch(description, signal);
    },
    describe: (plugin) => {
      const description = describe(plugin);
      described.set(description, plugin);
      return description;
    },
    clock,
    log,
    settings: config.lifecycle,
  });
  let { customHooks, limits } = config;
  const dispatcher = (parts.createDispatcher ?? createDispatcher)({
    entries: entriesOf(supervisor),
    customHooks,
    limits,
    clock,
    log,
    onRecord: (record) => {
      metrics.observe(record);
      parts.onRecord?.(record);
    },
  });
  metrics.setGauges(() => supervisor.gauges());
  const rewire = (): void => {
    dispatcher.update(entriesOf(supervisor), customHooks, limits);
  };
  supervisor.subscribe(({ kind }) => {
    if (kind === 'changed') rewire();
  });

  let state: HostStatus['state'] = 'new';
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      state = 'stopping';
      await supervisor.quiet(config.host.drainTimeoutMs);
      await dispatcher.drain(config.host.drainTimeoutMs);
      await supervisor.stop();
      state = 'stopped';
    })());

  function invoke<H extends HookName>(
    hook: H,
    payload: HookInput<H>,
    context?: RequestContext,
    options?: InvokeOptions,
  ): Promise<InvokeResult<HookPayloads[H]>>;
  function invoke(
    hook: string,
    payload: object,
    context?: RequestContext,
    options?: InvokeOptions,
  ): Promise<InvokeResult>;
  function invoke(
    hook: string,
    payload: object,
    context?: RequestContext,
    options?: InvokeOptions,
  ): Promise<InvokeResult> {
    if (stopping !== undefined) {
      return Promise.reject(new BulkheadError(ErrorCode.SHUTTING_DOWN, 'the host is going down'));
    }
    return dispatcher.invoke(hook, payload, context, options);
  }

  return {
    async start() {
      if (parts.launch === undefined) {
        const { kind, why, missing } = await wall();
        sandbox = { kind, why };
        log.info({ sandbox: kind, missing }, `plugins run behind the ${kind} wall: ${why}`);
      }
      const { killed, removed } = await sweepLeftovers(runDir);
      if (removed.length > 0) log.warn({ killed, removed }, 'cleared what a host that died left behind');
      await supervisor.start();
      const missing = supervisor.notReady();
      const guards = missing.filter(({ guard }) => guard);
      if (guards.length > 0) {
        await stop();
        throw guardsNotReady(guards);
      }
      for (const { name, reason } of missing)
        log.warn({ plugin: name, reason }, 'not ready; the host runs without it');
      state = 'running';
    },
    invoke,
    listens: (hook) => dispatcher.listens(hook),
    hooks: () => dispatcher.hooks(),
    endRequest: (requestId, stateScope) => {
      dispatcher.endRequest(requestId, stateScope);
    },
    reload: (plugin) => supervisor.reload(plugin),
    async enable(plugin) {
      dispatcher.reset(plugin);
      await supervisor.enable(plugin);
    },
    disable: (plugin) => supervisor.disable(plugin),
    async apply(next) {
      const before = supervisor.status();
      // Until every plugin has its new registrations, both the old hooks and the new ones are known.
      const names = new Set(next.customHooks.map(({ name }) => name));
      customHooks = [...next.customHooks, ...customHooks.filter(({ name }) => !names.has(name))];
      const report = await supervisor.apply(next.plugins);
      ({ customHooks, limits } = next);
      rewire();
      const kept = new Set(next.plugins.map(({ name }) => name));
      for (const { name } of before) if (!kept.has(name)) metrics.forget(name);
      return report;
    },
    status: () => ({
      state,
      sandbox,
      plugins: supervisor.status(),
      notReady: supervisor.notReady(),
      outOfRotation: dispatcher.disabled(),
      metrics: metrics.snapshot(),
    }),
    subscribe: (listener) => supervisor.subscribe(listener),
    stop,
  };
}

/** Asks once, and once more after a failure. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask().catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };
}

const CONTEXT_PERMISSIONS: ReadonlySet<string> = new Set<ContextPermission>([
  'read_user',
  'read_roles',
  'read_claims',
  'read_headers',
  'write_headers',
]);

function isContextPermission(name: string): name is ContextPermission {
  return CONTEXT_PERMISSIONS.has(name);
}

/** The plugins that take calls, as dispatch knows them. */
function entriesOf(supervisor: Supervisor): DispatchEntry[] {
  return supervisor.active().map(({ config, port }) => ({
    port: {
      name: config.name,
      id: config.manifest.id,
      version: config.manifest.version,
      contextPermissions: new Set(config.granted.context.filter(isContextPermission)),
      invoke: port.invoke.bind(port),
      invokeBatch: port.invokeBatch.bind(port),
    },
    registrations: config.hooks
      .filter(({ mode }) => mode !== 'disabled')
      .map((hook) => ({ ...hook, onError: config.onError })),
  }));
}
