import { openCatalog } from '../catalog/catalog.js';
import { loadConfig } from '../config/load-config.js';
import type { LoadedConfig, ResolveOptions } from '../config/loaded-config.js';
import type { ReadStored } from '../config/stored.js';
import { HOST_VERSION } from '../version.js';
import type { Cli } from './cli.js';
import { readStoredOnce } from './stored.js';

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
 * @param stored default: what the store says now
 * @param secrets default: references to them stay as they are
 * @throws CONFIG_INVALID with every problem
 */
export function loadHostConfig(
  env: Cli['env'],
  { file, overrides }: LoadOptions,
  catalog: ResolveOptions['catalog'] = openCatalog,
  stored: ReadStored = readStoredOnce,
  secrets: ResolveOptions['secrets'] = 'unread',
): Promise<LoadedConfig> {
  return loadConfig({
    file,
    catalog,
    stored,
    readEnv: (name) => env[name],
    secrets: secrets ?? 'unread',
    versions: { app: HOST_VERSION, node: process.versions.node },
    ...(overrides === undefined ? {} : { overrides }),
  });
}
