import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { NO_PERMISSIONS, includedScopes } from '@bulkhead/proto/rules/schema';
import { openCatalog } from '../../host/catalog/catalog.js';
import { FakeClock } from '../../host/clock.test-support.js';
import { resolveConfig } from '../../host/config/load-config.js';
import { plugin as pluginConfig } from '../../host/lifecycle/fakes.test-support.js';
import type { LifecyclePort } from '../../host/lifecycle/plugin-calls.js';
import { createConfigWriter } from '../../host/services/plugins/config-writer.js';
import { openKeyRing } from '../../host/services/secrets/key-ring.js';
import { openSecrets } from '../../host/services/secrets/secrets.js';
import { createServices, type Services } from '../../host/services/services.js';
import type { PluginIdentity } from '../../host/sidecar/host-method.js';
import { openStore } from '../../host/store/open-store.js';
import { createConfigLayer } from '../../host/stored-config/config-layer.js';
import { createSilentLogger } from '../../host/telemetry/logger.js';
import { NO_AUDIT } from '../../host/telemetry/audit.js';
import { createSubscribeCalls } from '../../sdk/host/events.js';
import { createHostServices, type HostServices } from '../../sdk/host/host-services.js';
import { createHostRpc, type HostTransport } from '../../sdk/host/transport.js';
import { systemClock } from '../../sdk/runtime/clock.js';
import { CurrentCall } from '../../sdk/runtime/current-call.js';
import { PluginLogger } from '../../sdk/runtime/plugin-log.js';
import { Subscriptions } from '../../sdk/runtime/subscriptions.js';

/** The services of the real host on a store of their own, without a process: calls go through the guard. */
export interface RealHost {
  readonly services: Services;
  /** The clients of a plugin with these scopes. */
  hostOf(scopes: readonly string[]): HostServices;
  /** As an operator does. */
  setSecret(name: string, value: string): Promise<void>;
  advance(ms: number): void;
  close(): Promise<void>;
}

/** Nothing here asks anything of the plugin. */
const unreachable: LifecyclePort = {
  name: 'asker',
  serving: false,
  invoke: refuse,
  invokeBatch: refuse,
  call: refuse,
};

function refuse(): Promise<never> {
  return Promise.reject(new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'there is no process'));
}

const OPERATOR = { kind: 'cli', id: 'test' } as const;
const ASKER = { name: 'asker', id: 'com.example.asker', version: '1.0.0', pid: 1 };

export interface RealHostOptions {
  /** Values of secrets by name, and which of them the plugin was granted. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly grantedSecrets?: readonly string[];
  /** Other configured plugins, and the ids of those that it may configure. */
  readonly plugins?: readonly string[];
  readonly mayConfigure?: readonly string[];
  /** Folders whose SQLite files data sources may open. */
  readonly sqliteFolders?: readonly string[];
}

export async function openRealHost(options: RealHostOptions = {}): Promise<RealHost> {
  const { mayConfigure = [], sqliteFolders = [] } = options;
  const asker = pluginConfig(ASKER.name, { granted: { ...NO_PERMISSIONS, plugins: mayConfigure } });
  const configured = [asker, ...(options.plugins ?? []).map((name) => pluginConfig(name))];
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-conformance-'));
  const store = await openStore({ path: join(directory, 'bulkhead.db') });
  const clock = new FakeClock();
  const { config } = await resolveConfig(
    { tools: { allow_private: ['127.0.0.1'] }, datasources: { sqlite_folders: sqliteFolders } },
    {
      baseDirectory: directory,
      catalog: openCatalog,
      readEnv: () => undefined,
      versions: { app: '0.1.0', node: process.versions.node },
    },
  );
  const audit = NO_AUDIT;
  const ring = await openKeyRing(
    { kind: 'file', path: join(directory, 'key'), byDefault: true },
    () => undefined,
  );
  const secrets = await openSecrets({ store, ring, clock, audit, hostId: 'this' });
  for (const [name, value] of Object.entries(options.secrets ?? {})) await secrets.set(name, value, OPERATOR);
  const configLayer = createConfigLayer({
    store,
    clock,
    audit,
    writes: () => 'allow',
    check: () => Promise.resolve(configured),
    seal: secrets.config,
  });
  const services = createServices({
    secrets,
    configWriter: createConfigWriter(configLayer, (name) => configured.some((entry) => entry.name === name)),
    config,
    store,
    audit,
    clock,
    log: createSilentLogger(),
    hooks: { listens: () => false, invoke: () => Promise.reject(new Error('nobody calls a hook here')) },
    upstream: () => undefined,
    active: () => [{ config: asker, port: unreachable }],
    configured: () => configured,
    pluginStates: () => [],
    rotation: { isOut: () => false, disable: () => undefined },
    onHookRecord: () => undefined,
  });
  return {
    services,
    setSecret: async (name, value) => {
      await secrets.set(name, value, OPERATOR);
    },
    hostOf(scopes) {
      const { grantedSecrets = [] } = options;
      const identity = { ...ASKER, grantedScopes: includedScopes(scopes), grantedSecrets };
      const transport = transportOf(services, identity);
      const rpc = createHostRpc(transport, new CurrentCall(systemClock));
      const log = new PluginLogger({ sink: () => {}, clock: systemClock, threshold: 'error' });
      return createHostServices(rpc, new Subscriptions(createSubscribeCalls(rpc), log));
    },
    advance: (ms) => {
      clock.advance(ms);
    },
    async close() {
      await services.stop();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function transportOf({ guard, methods }: Services, plugin: PluginIdentity): HostTransport {
  const served = new Map(methods.map((method) => [method.path, guard(plugin, method)]));
  return {
    async call(path, body, { signal }) {
      const method = served.get(path);
      if (method === undefined) {
        throw new BulkheadError(ErrorCode.UNKNOWN_METHOD, `the other side does not serve ${path}`);
      }
      return method.handler(body, {
        timeoutMs: 0,
        traceparent: '',
        signal: signal ?? new AbortController().signal,
      });
    },
  };
}
