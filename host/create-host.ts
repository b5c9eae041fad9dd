import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { HookName, HookPayloads } from '@bulkhead/proto/rules';
import { openCatalog } from './catalog/catalog.js';
import { systemClock } from './clock.js';
import type { HostConfig, PluginConfig } from './config/config.js';
import { resolveConfig } from './config/load-config.js';
import {
  foundationOrAllProblems,
  resolveFoundation,
  type FoundationConfig,
} from './config/load-foundation.js';
import { treeFromValue } from './manifest/source-tree.js';
import { createDispatcher } from './dispatch/dispatcher.js';
import { Rotation } from './dispatch/rotation.js';
import { entriesOf } from './dispatch/entries.js';
import type { InvokeOptions, InvokeResult, PluginRecord, RequestContext } from './dispatch/invocation.js';
import type { CreateHostOptions, HookInput, Host, HostParts, HostStatus } from './host.js';
import { createDescribe } from './lifecycle/describe-launch.js';
import { guardsNotReady } from './lifecycle/guard.js';
import { createSupervisor } from './lifecycle/supervisor.js';
import { createConfigWriter } from './services/plugins/config-writer.js';
import { openFoundation, type Foundation } from './services/foundation.js';
import { launcherPartsOf } from './services/launcher-parts.js';
import { createServices, type Services } from './services/services.js';
import { createLauncher } from './sidecar/launch.js';
import type { LaunchDescription } from './sidecar/sidecar.js';
import { sweepLeftovers } from './sidecar/sweep.js';
import type { ChosenWall } from './sidecar/wall/choose-wall.js';
import { openWall } from './sidecar/wall/open-wall.js';
import { createStoreFollower, type StoreFollower } from './stored-config/follow-store.js';
import { createStoreSource } from './stored-config/store-source.js';
import { NO_AUDIT } from './telemetry/audit.js';
import { createLogger, parseLogLevel } from './telemetry/logger.js';
import { createMetrics } from './telemetry/metrics.js';
import { redactText } from './telemetry/redact-text.js';
import { createSecretValues } from './telemetry/secret-values.js';
import { HOST_VERSION } from './version.js';

/**
 * A host for a program of your own. The configuration is what bulkhead.yaml would hold, as an object.
 *
 * @throws BulkheadError CONFIG_INVALID with every problem
 */
export async function createHost(config: object, options: CreateHostOptions = {}): Promise<Host> {
  const { baseDirectory = process.cwd(), catalog = openCatalog, env = {}, ...parts } = options;
  const clock = parts.clock ?? systemClock;
  const readEnv = (name: string): string | undefined => env[name];
  const secretValues = parts.secretValues ?? createSecretValues();
  const ownLog = createLogger({ destination: 2, redactValues: (line) => secretValues.redact(line) });
  const log = parts.log ?? ownLog;
  let own: Foundation | undefined;
  const source = createStoreSource(clock, async () => {
    const store = parts.store ?? own?.store;
    if (store !== undefined) return Promise.resolve(store);
    throw new BulkheadError(ErrorCode.INTERNAL, 'the store is opened before the configuration is read');
  });
  const resolve = async (object: object): Promise<HostConfig> => {
    const { config: resolved } = await resolveConfig(object, {
      baseDirectory,
      catalog,
      ...(own === undefined && parts.store === undefined ? {} : { stored: source.read }),
      readEnv,
      secrets: async () => (await (own ?? parts).secrets?.all()) ?? new Map(),
      versions: { app: HOST_VERSION, node: process.versions.node },
    });
    return resolved;
  };
  const readSettings = (): FoundationConfig =>
    resolveFoundation(treeFromValue(config, { layer: 'configuration object' }), baseDirectory, readEnv);
  if (parts.store === undefined) {
    const settings = await foundationOrAllProblems(readSettings, () => resolve(config));
    own = await openFoundation(settings, { clock, log, readEnv, secretValues });
  }
  let current = config;
  let host: Host<HostConfig>;
  let follower: StoreFollower;
  try {
    const resolved = await resolve(config);
    ownLog.setLevel(parseLogLevel(resolved.log.level));
    host = assembleHost(resolved, {
      ...parts,
      log,
      env,
      secretValues,
      store: source.store(),
      ...(own === undefined ? {} : { audit: own.audit, secrets: own.secrets }),
    });
    follower = createStoreFollower({
      store: source.store(),
      log,
      baseline: source.baseline(),
      apply: async () => host.apply(await resolve(current)),
    });
  } catch (error) {
    await own?.close();
    throw error;
  }
  return {
    ...host,
    async start() {
      await host.start();
      follower.start();
    },
    async apply(next) {
      const report = await follower.around(async () => host.apply(await resolve(next)));
      current = next;
      return report;
    },
    async stop() {
      follower.stop();
      await host.stop();
      await own?.close();
    },
  };
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
  let configured = config.plugins;
  const rotation = new Rotation(clock, log);
  const observe = (record: PluginRecord): void => {
    metrics.observe(record);
    services?.onRecord(record);
    parts.onRecord?.(record);
  };
  const services: Services | undefined =
    parts.store === undefined
      ? undefined
      : createServices({
          config,
          store: parts.store,
          audit: parts.audit ?? NO_AUDIT,
          ...(parts.secrets === undefined ? {} : { secrets: parts.secrets }),
          clock,
          log,
          active: () => supervisor.active(),
          configured: () => configured,
          pluginStates: () => supervisor.status(),
          rotation,
          onHookRecord: observe,
          ...(parts.configLayer === undefined
            ? {}
            : {
                configWriter: createConfigWriter(parts.configLayer, (name) =>
                  configured.some((entry) => entry.name === name),
                ),
              }),
        });
  let sandbox: ChosenWall | undefined;
  const launch =
    parts.launch ??
    createLauncher({
      log,
      clock,
      runDir,
      hostVersion: HOST_VERSION,
      hostMethods: [...(services?.methods ?? []), ...(parts.hostMethods ?? [])],
      ...(services === undefined ? {} : launcherPartsOf(services)),
      daemonEnv: parts.env ?? {},
      wall: async () => (await wall()).wall,
      redact: (text) => parts.secretValues?.redact(redactText(text)) ?? redactText(text),
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
    rotation,
    onRecord: observe,
  });
  metrics.setGauges(() => supervisor.gauges());
  const rewire = (): void => {
    dispatcher.update(entriesOf(supervisor), customHooks, limits);
    services?.rewire();
  };
  supervisor.subscribe((event) => {
    services?.onLifecycle(event);
    if (event.kind === 'changed') rewire();
  });

  let state: HostStatus['state'] = 'new';
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      state = 'stopping';
      services?.pause();
      await supervisor.quiet(config.host.drainTimeoutMs);
      await dispatcher.drain(config.host.drainTimeoutMs);
      await supervisor.stop();
      await services?.stop();
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
    services,
    async start() {
      if (parts.launch === undefined) {
        const { kind, why, missing } = await wall();
        sandbox = { kind, why };
        log.info({ sandbox: kind, missing }, `plugins run behind the ${kind} wall: ${why}`);
      }
      const { killed, removed } = await sweepLeftovers(runDir);
      if (removed.length > 0) log.warn({ killed, removed }, 'cleared what a host that died left behind');
      await services?.start();
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
      configured = next.plugins;
      const report = await supervisor.apply(next.plugins);
      ({ customHooks, limits } = next);
      services?.configure(next);
      rewire();
      const kept = new Set(next.plugins.map(({ name }) => name));
      for (const { name } of before) {
        if (kept.has(name)) continue;
        metrics.forget(name);
        services?.metrics.forget(name);
      }
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
