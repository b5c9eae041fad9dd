import { mkdir } from 'node:fs/promises';
import { reportApplied } from './admin/report-applied.js';
import { createControl } from './admin/create-control.js';
import { listenFailed, openControlPlane } from './admin/control-plane.js';
import { openControlSocket } from './admin/control-socket.js';
import { acquireDaemonLock } from './admin/daemon-lock.js';
import { chooseSocketPath, removeDaemonRecord, writeDaemonRecord } from './admin/daemon-record.js';
import type { LogTail } from './admin/log-tail.js';
import { findPlugin, pluginStatuses, processesOf } from './admin/describe-host.js';
import { metricsText } from './admin/metrics-text.js';
import { createDaemonStatus } from './admin/daemon-status.js';
import { judgeReadiness } from './admin/readiness.js';
import { servedRoutes } from './admin/served-routes.js';
import type { ApplyReport, DaemonStatus, PluginStatus, Readiness } from './admin/status.js';
import { createRoleCheck } from './admin/role-check.js';
import { FailedLogins } from './admin/tokens/failed-logins.js';
import { createSessions } from './admin/tokens/sessions.js';
import { createTokens } from './admin/tokens/tokens.js';
import { unlessAborted } from './admin/unless-aborted.js';
import type { Clock } from './clock.js';
import type { HostConfig } from './config/config.js';
import type { LoadedConfig, SecretReader } from './config/loaded-config.js';
import { foundationOrAllProblems, type FoundationConfig } from './config/load-foundation.js';
import { NOTHING_STORED, type ReadStored } from './config/stored.js';
import { assembleHost } from './assemble-host.js';
import type { HostParts } from './host.js';
import { createClosers, type Closers } from './lifecycle/closers.js';
import { createOneAtATime } from './lifecycle/one-at-a-time.js';
import { openFoundation } from './services/foundation.js';
import { HOST_ACTOR, type Actor } from './telemetry/audit.js';
import { createGateway, type Gateway } from './gateway/gateway.js';
import { hooksOf } from './gateway/hooks-of.js';
import { createStoredApps } from './gateway/stored-apps.js';
import { createConfigLayer } from './stored-config/config-layer.js';
import { createStoreFollower } from './stored-config/follow-store.js';
import { createStoreSource } from './stored-config/store-source.js';
import type { SecretValues } from './telemetry/secret-values.js';
import { type RootLogger, parseLogLevel } from './telemetry/logger.js';
import { createUpstreams } from './upstream/upstreams.js';

export interface DaemonOptions {
  /** Reads the configuration; asked again at each `apply`. */
  readonly load: (stored: ReadStored, secrets: SecretReader) => Promise<LoadedConfig>;
  /** Reads of the configuration what is needed to open the store. */
  readonly foundation: () => Promise<FoundationConfig>;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The Node that runs plugins, absolute. */
  readonly nodePath: string;
  readonly log: RootLogger;
  /** What `log` takes out of its lines. */
  readonly secretValues: SecretValues;
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
  apply(by: Actor): Promise<ApplyReport>;
  /** A token for the first operator, made because there never was one; it is nowhere else. */
  readonly firstToken: string | undefined;
  /** The files that the configuration came from, absolute. */
  files(): readonly string[];
  /** Not ready first, then no new requests, then what is in flight, then the plugins. Bounded; never rejects. */
  stop(): Promise<void>;
}

/**
 * The composition root: puts every part together and starts them in order.
 *
 * @throws CONFIG_INVALID, ALREADY_RUNNING, LISTEN_FAILED, GUARD_NOT_READY, CANCELLED; everything is closed again then
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const closers = createClosers((error) => {
    options.log.error({ err: error }, 'a part could not be closed');
  });
  try {
    return await start(options, closers);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function start(options: DaemonOptions, closers: Closers): Promise<Daemon> {
  const { clock, env, log, logs, nodePath, secretValues, signal } = options;
  const redact = (text: string): string => secretValues.redact(text);
  const settings = await foundationOrAllProblems(options.foundation, () =>
    options.load(
      () => Promise.resolve(NOTHING_STORED),
      () => Promise.resolve(new Map()),
    ),
  );
  const { dataDir } = settings.host;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = acquireDaemonLock(dataDir);
  closers.add(() => {
    lock.release();
  });

  const foundation = await openFoundation(settings, {
    clock,
    log,
    readEnv: (name) => env[name],
    secretValues,
  });
  closers.add(() => foundation.close());
  const { store, audit, secrets } = foundation;
  const source = createStoreSource(
    clock,
    () => Promise.resolve(store),
    () => secrets.config,
  );
  const load = (stored: ReadStored = source.read): Promise<LoadedConfig> =>
    options.load(stored, () => secrets.all());
  let loaded = await load();
  let { config } = loaded;
  const { drainTimeoutMs } = config.host;
  setLogLevels(log, config);
  for (const notice of config.notices) log.warn({ ...notice }, notice.message);
  const layer = createConfigLayer({
    store,
    clock,
    audit,
    writes: () => config.host.configWrites,
    seal: secrets.config,
    check: async (candidate) => {
      const tried = await load(async (places) => ({ ...(await source.read(places)), layer: candidate }));
      return tried.config.plugins;
    },
  });
  const tokens = createTokens({ store, clock, audit });
  const host = assembleHost(config, {
    store,
    audit,
    secrets,
    secretValues,
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
    fetchOfPlugin: ({ plugin: owner }) => host.pluginServers.fetchOf(owner),
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
  const status = createDaemonStatus({
    clock,
    dataDir,
    store,
    host,
    upstreams,
    listen,
    readiness,
    loaded: () => loaded,
  });
  const plugin = (name: string): PluginStatus => findPlugin(pluginStatuses(config, host), name);
  const inTurn = createOneAtATime();
  const applyNow = async (): Promise<ApplyReport> => {
    const next = await load();
    const before = config;
    // First, while it is known whose they are: their tools are judged by the new configuration from there on.
    await upstreams.retain(next.config.upstreams);
    const applied = await host.apply(next.config);
    loaded = next;
    ({ config } = next);
    setLogLevels(log, config);
    gateway?.update(config);
    await upstreams.update(config.upstreams);
    gateway?.contributionsChanged();
    return reportApplied(applied, before, config);
  };
  const apply = (): Promise<ApplyReport> => inTurn(() => follower.around(applyNow));
  const follower = createStoreFollower({ store, log, baseline: source.baseline(), apply });
  const control = createControl({ readiness, status, plugin, logs, host, audit, apply });

  const { toolbox: tools, contributions, objects, metrics, httpTools } = host.services;
  const routes = servedRoutes({
    foundation,
    tokens,
    services: host.services,
    config: { layer, loaded: () => loaded, apply },
  });
  const plane = await openControlPlane({
    ...config.listen.control,
    control,
    guarded: {
      routes,
      rpc: contributions.rpc,
      redact,
      tokens,
      sessions: createSessions(store, tokens, clock),
      failures: new FailedLogins(audit, clock),
      checkRole: createRoleCheck(audit, clock),
      audit,
      metrics: () => metricsText(host.status().metrics, processesOf(host), metrics.snapshot()),
    },
  });
  listen.control = plane.url;
  closers.add(() => plane.close());
  const socketPath = chooseSocketPath(dataDir);
  const socket = await openControlSocket(socketPath, control, {
    routes,
    rpc: contributions.rpc,
    redact,
  });
  writeDaemonRecord(dataDir, { pid: process.pid, socket: socketPath });
  closers.add(async () => {
    await socket.close();
    removeDaemonRecord(dataDir);
  });

  closers.add(() => host.stop());
  closers.add(() => upstreams.stop());
  await unlessAborted(signal, Promise.all([host.start(), upstreams.start()]));

  const storedApps = createStoredApps({ store, objects, clock });
  closers.add(() => {
    storedApps.close();
  });
  gateway = createGateway({
    config,
    hooks: hooksOf(host),
    upstreams,
    tools,
    httpTools,
    contributions,
    clock,
    log,
    audit,
    storedApps,
  });
  const opened = gateway;
  closers.add(() => opened.close(drainTimeoutMs));
  host.subscribe(({ kind }) => {
    if (kind === 'changed') opened.contributionsChanged();
  });
  const { data } = config.listen;
  listen.data = await opened.listen().catch((error: unknown) => {
    throw listenFailed(error, 'listen.data', data.host, data.port);
  });

  closers.add(
    secrets.subscribe(() => {
      if (loaded.secrets.size === 0 || draining) return;
      control.apply(HOST_ACTOR).catch((error: unknown) => {
        log.error({ err: error }, 'a secret was changed, and the configuration with it could not be applied');
      });
    }),
  );

  follower.start();
  closers.add(() => {
    follower.stop();
  });

  let stopping: Promise<void> | undefined;
  return {
    status,
    apply: (by) => control.apply(by),
    firstToken: await tokens.createFirst(),
    files: () => loaded.files,
    stop() {
      draining = true;
      stopping ??= closers.closeAll();
      return stopping;
    },
  };
}

function setLogLevels(log: RootLogger, config: HostConfig): void {
  log.setLevel(parseLogLevel(config.log.level));
  for (const { name, logLevel } of config.plugins) log.setPluginLevel(name, parseLogLevel(logLevel));
}
