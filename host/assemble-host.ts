import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { HookName, HookPayloads } from '@bulkhead/proto/rules';
import { systemClock } from './clock.js';
import type { HostConfig, PluginConfig } from './config/config.js';
import { createDispatcher } from './dispatch/dispatcher.js';
import { Rotation } from './dispatch/rotation.js';
import { entriesOf } from './dispatch/entries.js';
import type { InvokeOptions, InvokeResult, PluginRecord, RequestContext } from './dispatch/invocation.js';
import type { HookInput, Host, HostParts, HostStatus } from './host.js';
import { createDescribe } from './lifecycle/describe-launch.js';
import { guardsNotReady } from './lifecycle/guard.js';
import { once } from './lifecycle/once.js';
import { createPluginServers, type PluginServers } from './lifecycle/plugin-server.js';
import { createSupervisor } from './lifecycle/supervisor.js';
import { createProgramLauncher } from './sidecar/launch-program.js';
import { createLimitWatch } from './sidecar/limits/limit-watch.js';
import { createConfigWriter } from './services/plugins/config-writer.js';
import { launcherPartsOf } from './services/launcher-parts.js';
import { createServices, type Services } from './services/services.js';
import { createLauncher } from './sidecar/launch.js';
import type { LaunchDescription } from './sidecar/sidecar.js';
import { sweepLeftovers } from './sidecar/sweep.js';
import { logWall } from './sidecar/wall/log-wall.js';
import { openWall, wallStatus, type OpenedWall } from './sidecar/wall/open-wall.js';
import { createSchemaCheck } from './schemas/schema-check.js';
import { NO_AUDIT } from './telemetry/audit.js';
import { createLogger, parseLogLevel } from './telemetry/logger.js';
import { createMetrics } from './telemetry/metrics.js';
import { redactText } from './telemetry/redact-text.js';
import { HOST_VERSION } from './version.js';
import type { Store } from './store/store.js';

/** A host that keeps things, with what it does for plugins and operators. */
export type ServedHost = Host<HostConfig> & {
  readonly services: Services;
  readonly pluginServers: PluginServers;
};

/** A host from a configuration that is resolved already. With a store it has services. */
export function assembleHost(config: HostConfig, parts: HostParts & { readonly store: Store }): ServedHost;
export function assembleHost(config: HostConfig, parts?: HostParts): Host<HostConfig>;
export function assembleHost(
  config: HostConfig,
  parts: HostParts = {},
): Host<HostConfig> & { readonly pluginServers: PluginServers } {
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
          onUnheld: (plugin, error) => {
            log.warn({ plugin, err: error }, 'its cgroup could not be made; its limits are only watched');
          },
          pluginUsers: { ...config.host.pluginUids, ...config.host },
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
          hooks: {
            listens: (hook) => dispatcher.listens(hook),
            invoke: (hook, payload, context, options) => dispatcher.invoke(hook, payload, context, options),
          },
          upstream: (name) => parts.upstream?.(name),
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
  let opened: OpenedWall | undefined;
  const launching = {
    log,
    clock,
    runDir,
    limits: createLimitWatch({ log, clock }),
    daemonEnv: parts.env ?? {},
    wall: async () => (await wall()).wall,
    redact: (text: string) => parts.secretValues?.redact(redactText(text)) ?? redactText(text),
    verify: (description: LaunchDescription) => verify(description),
  };
  const launch =
    parts.launch ??
    createLauncher({
      ...launching,
      hostVersion: HOST_VERSION,
      hostMethods: [...(services?.methods ?? []), ...(parts.hostMethods ?? [])],
      ...(services === undefined ? {} : launcherPartsOf(services)),
    });
  const describePlugin = createDescribe({
    ...config,
    nodePath,
    dataDirOf: (name) => join(config.host.dataDir, 'data', name),
  });
  const described = new WeakMap<LaunchDescription, PluginConfig>();
  const describe = (plugin: PluginConfig): LaunchDescription => {
    const description = describePlugin(plugin);
    described.set(description, plugin);
    return description;
  };
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
    describe,
    clock,
    log,
    settings: config.lifecycle,
  });
  let { customHooks, limits } = config;
  const schemas = createSchemaCheck({ clock });
  const dispatcher = (parts.createDispatcher ?? createDispatcher)({
    entries: entriesOf(supervisor),
    customHooks,
    limits,
    clock,
    log,
    rotation,
    schemas,
    onRecord: observe,
  });
  metrics.setGauges(() => supervisor.gauges());
  const rewire = (): void => {
    dispatcher.update(entriesOf(supervisor), customHooks, limits);
    services?.rewire();
  };
  const pluginServers = createPluginServers({
    active: () => supervisor.active(),
    describe,
    launch: createProgramLauncher({
      ...launching,
      ...(services === undefined ? {} : launcherPartsOf(services)),
    }),
    nodePath,
    clock,
    ...(services === undefined ? {} : { onEgressRefused: launcherPartsOf(services).onEgressRefused }),
  });
  supervisor.subscribe((event) => {
    services?.onLifecycle(event);
    if (event.kind !== 'changed') return;
    rewire();
    pluginServers.sweep();
  });

  let state: HostStatus['state'] = 'new';
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      state = 'stopping';
      services?.pause();
      await supervisor.quiet(config.host.drainTimeoutMs);
      await dispatcher.drain(config.host.drainTimeoutMs);
      await schemas.close();
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
    pluginServers,
    async start() {
      if (parts.launch === undefined) {
        opened = await wall();
        logWall(log, opened);
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
      sandbox: opened === undefined ? undefined : wallStatus(opened),
      plugins: supervisor.status(),
      notReady: supervisor.notReady(),
      outOfRotation: dispatcher.disabled(),
      metrics: metrics.snapshot(),
    }),
    subscribe: (listener) => supervisor.subscribe(listener),
    stop,
  };
}
