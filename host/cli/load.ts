import { openCatalog } from '../catalog/catalog.js';
import { systemClock } from '../clock.js';
import { type LoadedConfig, loadConfig, type ResolveOptions } from '../config/load-config.js';
import { createGrantStore } from '../grants/store.js';
import type { Cli } from './cli.js';
import { HOST_VERSION } from '../version.js';

export interface LoadOptions {
  /** Absolute. */
  readonly file: string;
  /** Absolute; what the command line says against the file. */
  readonly overrides?: {
    readonly dataDir?: string;
    readonly pluginsDir?: string;
    readonly cacheDir?: string;
  };
}

/**
 * Loads a configuration with this machine's environment, versions and installed plugins.
 *
 * @param catalog default: what is installed, as it is
 * @throws CONFIG_INVALID with every problem
 */
export function loadHostConfig(
  env: Cli['env'],
  { file, overrides }: LoadOptions,
  catalog: ResolveOptions['catalog'] = openCatalog,
): Promise<LoadedConfig> {
  return loadConfig({
    file,
    catalog,
    grants: (dataDir) => createGrantStore(dataDir, systemClock),
    readEnv: (name) => env[name],
    versions: { app: HOST_VERSION, node: process.versions.node },
    ...(overrides === undefined ? {} : { overrides }),
  });
}
