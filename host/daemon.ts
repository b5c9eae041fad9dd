import { mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { approvalRoutes } from './admin/approval-routes.js';
import { configRoutes } from './admin/config-routes.js';
import type { Control } from './admin/control.js';
import { listenFailed, openControlPlane } from './admin/control-plane.js';
import { openControlSocket } from './admin/control-socket.js';
import { acquireDaemonLock } from './admin/daemon-lock.js';
import { chooseSocketPath, removeDaemonRecord, writeDaemonRecord } from './admin/daemon-record.js';
import type { LogTail } from './admin/log-tail.js';
import { describePlugin } from './admin/plugin-status.js';
import type { ApiCaller } from './admin/roles.js';
import { keptStateRoutes } from './admin/kept-state-routes.js';
import { createObjectRoutes } from './admin/object-routes.js';
import { usageRoutes } from './admin/usage-routes.js';
import { judgeReadiness } from './admin/readiness.js';
import type { ApplyReport, DaemonStatus, PluginStatus, Readiness } from './admin/status.js';
import { describeUpstream } from './admin/upstream-status.js';
import type { Clock } from './clock.js';
import type { HostConfig } from './config/config.js';
import { diffConfig } from './config/diff.js';
import type { LoadedConfig } from './config/load-config.js';
import type { ReadStored } from './config/stored.js';
import { assembleHost } from './create-host.js';
import type { Host, HostParts } from './host.js';
import { createGateway, type Gateway } from './gateway/gateway.js';
import type { HookPort } from './dispatch/hook-port.js';
import { type RootLogger, parseLogLevel } from './telemetry/logger.js';
import { createStoredApps } from './gateway/stored-apps.js';
import { openStore } from './store/open-store.js';
import { storeOptions } from './store/store-options.js';
import type { Store } from './store/store.js';
import { createConfigLayer } from './stored-config/config-layer.js';
import { createStoreFollower } from './stored-config/follow-store.js';
import { createStoreSource } from './stored-config/store-source.js';
import { NO_AUDIT } from './telemetry/audit.js';
import { createUpstreams, type Upstreams } from './upstream/upstreams.js';
import { HOST_VERSION } from './version.js';

export interface DaemonOptions {
  /** Reads the configuration; asked again at each `apply`. */
  readonly load: (stored: ReadStored) => Promise<LoadedConfig>;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The Node that runs plugins, absolute. */
  readonly nodePath: string;
  readonly log: RootLogger;
  /** What `log` writes ends up here too. */
  readonly logs: LogTail;
  /** Asked before every start of a plugin. */
  readonly verify?: HostParts['verify'];
  /** Aborted when the start is no longer wanted. */
  readonly signal: AbortSignal;
}

/** A running daemon. */
export interface Daemon {
  status(): DaemonStatus;
  /** Reads the configuration again. @throws CONFIG_INVALID, and the running one stays */
  apply(): Promise<ApplyReport>;
  /** The files that the configuration came from, absolute. */
  files(): readonly string[];
  /** Not ready first, then no new requests, then what is in flight, then the plugins. Bounded; never rejects. */
  stop(): Promise<void>;
}

/** What was opened, with what closes it; closed in the opposite order. */
type Closer = () => void | Promise<void>;

/**
 * The composition root: puts every part together and starts them in order.
 *
 * @throws CONFIG_INVALID, ALREADY_RUNNING, LISTEN_FAILED, GUARD_NOT_READY, CANCELLED; everything is closed again then
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const closers: Closer[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        options.log.error({ err: error }, 'a part could not be closed');
      }
    }
  };
  try {
    return await start(options, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(
  options: DaemonOptions,
  closers: Closer[],
  closeAll: () => Promise<void>,
): Promise<Daemon> {
  const { clock, env, log, logs, nodePath, signal } = options;
  const startedAt = clock.now();
  const startedMs = clock.monotonic();
  const source = createStoreSource(clock, async (places) => {
    // The lock comes first: a newer release must not change the store of a daemon that runs.
    await mkdir(places.host.dataDir, { recursive: true, mode: 0o700 });
    const lock = acquireDaemonLock(places.host.dataDir);
    closers.push(() => {
      lock.release();
    });
    const opened = await openStore(storeOptions(places));
    closers.push(() => opened.close());
    return opened;
  });
  let loaded = await options.load(source.read);
  const store = source.store();
  let { config } = loaded;
  const { dataDir, drainTimeoutMs } = config.host;
  setLogLevels(log, config);
  for (const notice of config.notices) log.warn({ ...notice }, notice.message);

  const layer = createConfigLayer({
    store,
    clock,
    audit: NO_AUDIT,
    writes: () => config.host.configWrites,
    check: async (candidate) => {
      await options.load(async (places) => ({ ...(await source.read(places)), layer: candidate }));
    },
  });
  const host = assembleHost(config, {
    store,
    configLayer: layer,
    upstream: (name) => upstreams.get(name),
    clock,
    log,
    env,
    nodePath,
    cgroups: true,
    ...(options.verify === undefined ? {} : { verify: options.verify }),
  });
  const upstreams = createUpstreams(config.upstreams, {
    clock,
    log,
    hostEnv: env,
    launchPluginServer: ({ plugin: owner, server }) => host.pluginServers.launch(owner, server),
  });
  let draining = false;
  let gateway: Gateway | undefined;
  const listen = { data: '', control: '' };

  const readiness = (): Readiness =>
    judgeReadiness({
      draining,
      store: store.health(),
      plugins: host.status().notReady,
      upstreams: upstreams.down(),
    });
  const sandboxStatus = (): Pick<DaemonStatus, 'sandbox'> => {
    const { sandbox } = host.status();
    return sandbox === undefined ? {} : { sandbox };
  };
  const status = (): DaemonStatus => ({
    version: HOST_VERSION,
    pid: process.pid,
    node: process.versions.node,
    environment: config.environment,
    config_file: loaded.files[0] ?? '',
    data_dir: dataDir,
    started_at: new Date(startedAt).toISOString(),
    uptime_ms: Math.round(clock.monotonic() - startedMs),
    readiness: readiness(),
    listen,
    ...sandboxStatus(),
    store: storeStatus(store),
    plugins: pluginStatuses(config, host),
    upstreams: upstreamStatuses(config, upstreams),
    notices: config.notices,
  });
  const plugin = (name: string): PluginStatus => findPlugin(pluginStatuses(config, host), name);
  const applyNow = async (): Promise<ApplyReport> => {
    const next = await options.load(source.read);
    const before = config;
    const applied = await host.apply(next.config);
    loaded = next;
    ({ config } = next);
    setLogLevels(log, config);
    gateway?.update(config);
    gateway?.contributionsChanged();
    return {
      ...applied,
      failed: applied.failed.map(({ name, failure }) => ({
        name,
        reason: `${failure.code}: ${failure.message}`,
      })),
      sections: sectionsApplied(before, config),
      needs_restart: sectionsForRestart(before, config),
      notices: config.notices,
    };
  };
  const apply = oneAtATime(() => follower.around(applyNow));
  const follower = createStoreFollower({ store, log, baseline: source.baseline(), apply });
  const control: Control = {
    readiness,
    status,
    plugin,
    logs,
    apply,
    reload: (name) => host.reload(plugin(name).name),
    enable: (name) => host.enable(plugin(name).name),
    disable: (name) => host.disable(plugin(name).name),
    async reset(name) {
      if (plugin(name).enabled) return host.enable(name);
      throw new BulkheadError(
        ErrorCode.PLUGIN_UNAVAILABLE,
        `The plugin '${name}' is disabled. Enable it instead.`,
      );
    },
  };

  const { control: bound } = config.listen;
  const plane = await openControlPlane({ ...bound, control });
  listen.control = plane.url;
  closers.push(() => plane.close());
  const socketPath = chooseSocketPath(dataDir);
  const { toolbox: tools, contributions, objects, usageOf, audit } = host.services;
  const routes = [
    configRoutes({ layer, loaded: () => loaded, apply }),
    createObjectRoutes(objects),
    usageRoutes(usageOf),
    ...keptStateRoutes(host.services),
    approvalRoutes(tools.approvals),
  ];
  const caller: ApiCaller = { actor: { kind: 'cli', id: localUser() }, role: 'admin' };
  const api = { routes, rpc: contributions.rpc, authenticate: () => caller };
  const socket = await openControlSocket(socketPath, control, api);
  writeDaemonRecord(dataDir, { pid: process.pid, socket: socketPath });
  closers.push(async () => {
    await socket.close();
    removeDaemonRecord(dataDir);
  });

  closers.push(() => host.stop());
  closers.push(() => upstreams.stop());
  await unlessAborted(signal, Promise.all([host.start(), upstreams.start()]));

  const storedApps = createStoredApps({ store, objects, clock });
  closers.push(() => {
    storedApps.close();
  });
  gateway = createGateway({
    config,
    hooks: hookPort(host),
    upstreams,
    tools,
    contributions,
    clock,
    log,
    audit,
    storedApps,
  });
  const opened = gateway;
  closers.push(() => opened.close(drainTimeoutMs));
  host.subscribe(({ kind }) => {
    if (kind === 'changed') opened.contributionsChanged();
  });
  const { data } = config.listen;
  listen.data = await opened.listen().catch((error: unknown) => {
    throw listenFailed(error, 'listen.data', data.host, data.port);
  });

  follower.start();
  closers.push(() => {
    follower.stop();
  });

  let stopping: Promise<void> | undefined;
  return {
    status,
    apply,
    files: () => loaded.files,
    stop() {
      draining = true;
      stopping ??= closeAll();
      return stopping;
    },
  };
}

/** Whoever can open the control socket runs the host, usually as this user. */
function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list, as in many containers.
    return `uid ${String(process.getuid?.() ?? 'unknown')}`;
  }
}
function hookPort(host: Host<HostConfig>): HookPort {
  return {
    hooks: () => host.hooks().map(({ name }) => name),
    listens: (hook) => host.listens(hook),
    invoke: (hook, payload, context, options) => host.invoke(hook, payload, context, options),
    endRequest: (requestId, stateScope) => {
      host.endRequest(requestId, stateScope);
    },
  };
}

function storeStatus(store: Store): DaemonStatus['store'] {
  const health = store.health();
  return { engine: store.engine, ...(health.ok ? {} : { reason: health.reason }) };
}

function pluginStatuses(config: HostConfig, host: Host<HostConfig>): readonly PluginStatus[] {
  const running = new Map(host.status().plugins.map((status) => [status.name, status]));
  return config.plugins.map((plugin) => describePlugin(plugin, running.get(plugin.name)));
}

function upstreamStatuses(config: HostConfig, upstreams: Upstreams): DaemonStatus['upstreams'] {
  const transports = new Map(config.upstreams.map(({ name, transport }) => [name, transport]));
  return upstreams.all.map(({ name, state }) => describeUpstream(name, transports.get(name) ?? '', state));
}

function findPlugin(plugins: readonly PluginStatus[], name: string): PluginStatus {
  const found = plugins.find((plugin) => plugin.name === name);
  if (found !== undefined) return found;
  const known = plugins.map((plugin) => plugin.name).join(', ') || 'none';
  throw new BulkheadError(
    ErrorCode.PLUGIN_NOT_FOUND,
    `No plugin '${name}' is configured; there are: ${known}.`,
  );
}

function setLogLevels(log: RootLogger, config: HostConfig): void {
  log.setLevel(parseLogLevel(config.log.level));
  for (const { name, logLevel } of config.plugins) log.setPluginLevel(name, parseLogLevel(logLevel));
}

/** What differs and holds from now on, besides plugins. */
function sectionsApplied(before: HostConfig, after: HostConfig): readonly string[] {
  const { applied, apps, customHooks } = diffConfig(before, after);
  const { maxBodyBytes } = before.limits;
  const onlyBody = isDeepStrictEqual(before.limits, { ...after.limits, maxBodyBytes });
  const changedApps = apps.added.length + apps.removed.length + apps.changed.length > 0;
  return [
    ...applied.filter((section) => section !== 'limits' || !onlyBody),
    ...(changedApps ? ['apps'] : []),
    ...(customHooks ? ['custom_hooks'] : []),
  ];
}

/** What differs and waits for the next start: what the listeners and the upstream connections were made with. */
function sectionsForRestart(before: HostConfig, after: HostConfig): readonly string[] {
  const { restart, upstreams } = diffConfig(before, after);
  const body = before.limits.maxBodyBytes === after.limits.maxBodyBytes ? [] : ['limits.max_body_bytes'];
  const servers = upstreams.added.length + upstreams.removed.length + upstreams.changed.length;
  return [...restart, ...body, ...(servers > 0 ? ['mcp_servers'] : [])];
}

/** Waits for the start, or gives it up; closing then ends what it began. */
async function unlessAborted(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  const cancelled = (): BulkheadError => new BulkheadError(ErrorCode.CANCELLED, 'The start was given up.');
  if (signal.aborted) throw cancelled();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(cancelled());
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // When it was given up, its own failure is nobody's concern any more.
    work.catch(() => undefined);
  }
}

/** Calls of an operation one after another, so that none sees another's half. */
function oneAtATime<T>(operation: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const run = last.then(operation);
    last = run.catch(() => undefined);
    return run;
  };
}
