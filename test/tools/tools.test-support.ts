import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCatalog } from '../../host/catalog/catalog.js';
import { systemClock } from '../../host/clock.js';
import type { HostConfig } from '../../host/config/config.js';
import { resolveConfig } from '../../host/config/load-config.js';
import { assembleHost, type ServedHost } from '../../host/assemble-host.js';
import { createGateway } from '../../host/gateway/gateway.js';
import { hooksOf } from '../../host/gateway/hooks-of.js';
import { openStore } from '../../host/store/open-store.js';
import { storeOptions } from '../../host/store/store-options.js';
import { createSilentLogger } from '../../host/telemetry/logger.js';
import { createUpstreams } from '../../host/upstream/upstreams.js';
import { KEY_HASH } from './app-key.test-support.js';

const PLUGIN = join(import.meta.dirname, '../fixtures/plugins/contributing');

export interface RunningHost extends AsyncDisposable {
  readonly url: string;
  readonly host: ServedHost;
  /** Takes other rules for tools. */
  expose(rules: Readonly<Record<string, string>>): Promise<void>;
  /** Takes another configuration, as a daemon does. */
  apply(change: HostChange): Promise<void>;
}

export interface HostChange {
  readonly expose?: Readonly<Record<string, string>>;
  readonly tools?: object;
  readonly apps?: object;
  readonly plugins?: Readonly<Record<string, object>>;
  readonly mcp_servers?: object;
  readonly sandbox?: 'off' | 'basic' | 'strict';
}

/** An entry of the plugin that contributes one of each kind. */
export const contributing = (change: object = {}): object => ({
  plugin: PLUGIN,
  command: [process.execPath, join(PLUGIN, 'plugin.mjs')],
  ...change,
});

/** A host with real processes, a store and its data plane on a free port. */
export async function runHost(change: HostChange = {}): Promise<RunningHost> {
  const directory = await mkdtemp(join(tmpdir(), 'bh-tools-'));
  const config = await configOf(directory, change);
  const log = createSilentLogger();
  const clock = systemClock;
  const store = await openStore(storeOptions(config));
  const host = assembleHost(config, { store, clock, log, env: { PATH: process.env['PATH'] } });
  const upstreams = createUpstreams(config.upstreams, {
    clock,
    log,
    hostEnv: { PATH: process.env['PATH'] },
    launchPluginServer: ({ plugin, server }) => host.pluginServers.launch(plugin, server),
    fetchOfPlugin: ({ plugin }) => host.pluginServers.fetchOf(plugin),
  });
  await Promise.all([host.start(), upstreams.start()]);
  const { toolbox: tools, contributions, httpTools } = host.services;
  const gateway = createGateway({
    config,
    hooks: hooksOf(host),
    upstreams,
    tools,
    httpTools,
    contributions,
    clock,
    log,
  });
  const unsubscribe = host.subscribe(({ kind }) => {
    if (kind === 'changed') gateway.contributionsChanged();
  });
  const apply = async (changed: HostChange): Promise<void> => {
    const next = await configOf(directory, changed);
    await upstreams.retain(next.upstreams);
    await host.apply(next);
    await upstreams.update(next.upstreams);
    gateway.contributionsChanged();
  };
  return {
    url: await gateway.listen(),
    host,
    expose: (rules) => apply({ ...change, expose: rules }),
    apply,
    async [Symbol.asyncDispose]() {
      unsubscribe();
      await gateway.close(0);
      await upstreams.stop();
      await host.stop();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function configOf(directory: string, change: HostChange): Promise<HostConfig> {
  const { expose = {}, tools = {}, apps, plugins = { notes: contributing() }, mcp_servers = {} } = change;
  const object = {
    environment: 'development',
    host: { data_dir: directory, sandbox: change.sandbox ?? 'off' },
    listen: { data: { address: '127.0.0.1:0' } },
    tools: { expose: Object.entries(expose).map(([tool, policy]) => ({ tool, policy })), ...tools },
    apps: apps ?? { shop: { keys: [KEY_HASH] } },
    plugins,
    mcp_servers,
  };
  const { config } = await resolveConfig(object, {
    baseDirectory: directory,
    catalog: openCatalog,
    readEnv: () => undefined,
    versions: { app: '0.1.0', node: process.versions.node },
  });
  return config;
}
