import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { openCatalog } from './catalog/catalog.js';
import { systemClock } from './clock.js';
import type { HostConfig } from './config/config.js';
import { resolveConfig } from './config/load-config.js';
import {
  foundationOrAllProblems,
  resolveFoundation,
  type FoundationConfig,
} from './config/load-foundation.js';
import { treeFromValue } from './manifest/source-tree.js';
import type { CreateHostOptions, Host } from './host.js';
import { openFoundation, type Foundation } from './services/foundation.js';
import { NO_CONFIG_SEAL } from './stored-config/seal.js';
import { createStoreFollower, type StoreFollower } from './stored-config/follow-store.js';
import { createStoreSource } from './stored-config/store-source.js';
import { createLogger, parseLogLevel } from './telemetry/logger.js';
import { createSecretValues } from './telemetry/secret-values.js';
import { HOST_VERSION } from './version.js';
import { assembleHost } from './assemble-host.js';

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
  const source = createStoreSource(
    clock,
    async () => {
      const store = parts.store ?? own?.store;
      if (store !== undefined) return Promise.resolve(store);
      throw new BulkheadError(ErrorCode.INTERNAL, 'the store is opened before the configuration is read');
    },
    () => (own ?? parts).secrets?.config ?? NO_CONFIG_SEAL,
  );
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
