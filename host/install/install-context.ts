import { dirname, join } from 'node:path';
import type { HostVersions } from '../manifest/compat.js';
import type { Consent } from './consent.js';
import { readHostSdk, type HostSdk } from './host-sdk.js';
import { readNpmConfig, type NpmConfig } from './npm-config.js';
import { createPackageCache, type PackageCache } from './package-cache.js';
import { createPackageManager, type PackageManager } from './package-manager.js';
import type { SourcePolicy } from './source-policy.js';

export interface InstallerOptions {
  /** Absolute paths. */
  readonly pluginsDir: string;
  readonly cacheDir: string;
  /** plugins.lock.json; `locks/` stands beside it, and relative sources count from its folder. */
  readonly lockFile: string;
  /** The built SDK that plugins get which pin none. */
  readonly sdkDirectory: string;
  /** `production` needs a source policy. */
  readonly environment: string;
  readonly policy?: SourcePolicy;
  /** Dependencies that work although their install scripts are not run. */
  readonly unrunScripts: readonly string[];
  readonly versions: HostVersions;
  readonly consent: Consent;
  /** The caller's environment, for npm's configuration. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line for a person, at each step that may take long. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** What all parts of one installer share; what is slow to have is had once, when it is needed. */
export interface InstallContext extends InstallerOptions {
  /** The folder of the lock. */
  readonly base: string;
  readonly cache: PackageCache;
  readonly npm: () => Promise<NpmConfig>;
  readonly sdk: () => Promise<HostSdk>;
  readonly progress: (line: string) => void;
  /** @param storeDir another store than the shared one */
  readonly packageManager: (storeDir?: string) => Promise<PackageManager>;
}

export function createContext(options: InstallerOptions): InstallContext {
  const { cacheDir, env, lockFile, sdkDirectory, signal } = options;
  const base = dirname(lockFile);
  const npm = once(() => readNpmConfig(env, base));
  return {
    ...options,
    base,
    npm,
    cache: createPackageCache(cacheDir),
    sdk: once(() => readHostSdk(sdkDirectory)),
    progress: options.onProgress ?? (() => undefined),
    packageManager: async (storeDir = join(cacheDir, 'store')) => {
      const config = await npm();
      return createPackageManager({
        storeDir,
        cacheDir: join(cacheDir, 'registry'),
        registry: config.registryOf(''),
        env,
        ...(config.userConfigFile === undefined ? {} : { userConfigFile: config.userConfigFile }),
        ...(signal === undefined ? {} : { signal }),
      });
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
