import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Logger } from 'pino';
import { isNamed, openCatalog, type Catalog } from '../catalog/catalog.js';
import type { PluginConfig } from '../config/config.js';
import { loadInstallSettings, type InstallSettings } from '../config/load-install.js';
import { createInstaller } from '../install/installer.js';
import type { StartVerifier } from '../install/start-verifier.js';
import { createTreeChecker } from '../install/tree-checker.js';
import type { Cli } from './cli.js';
import type { LoadOptions } from './load.js';
import { installerOptionsOf } from './open-installer.js';
import { openVerifier } from './open-verifier.js';

/** The daemon's view of what is locked: makes environments that are missing, and verifies plugins before they start. */
export interface LockedPlugins {
  /** Which plugins there are; called at each reading of the configuration. */
  catalog(pluginsDir: string, wanted: readonly string[]): Promise<Catalog>;
  /** @throws what verifying finds */
  verify(plugin: PluginConfig): Promise<void>;
  close(): Promise<void>;
}

export function createLockedPlugins(
  env: Cli['env'],
  { file, overrides }: LoadOptions,
  log: Logger,
): LockedPlugins {
  const trees = createTreeChecker();
  let verifier: StartVerifier | undefined;
  let lastPlaces = '';
  return {
    async catalog(pluginsDir, wanted) {
      if (wanted.length > 0) trees.warm();
      const settings = await loadInstallSettings(file, overrides);
      await ensure(settings, wanted, env, log);
      const { pluginsDir: place, cacheDir, environment, sources } = settings;
      const places = JSON.stringify([place, cacheDir, environment, sources]);
      if (verifier === undefined || places !== lastPlaces) {
        verifier = openVerifier(settings, trees);
        lastPlaces = places;
      }
      await verifier.refresh();
      return openCatalog(pluginsDir);
    },
    async verify(plugin) {
      if (verifier === undefined)
        throw new BulkheadError(ErrorCode.INTERNAL, 'a plugin was started before the configuration was read');
      await verifier.verify(plugin);
      log.info({ plugin: plugin.name, directory: plugin.directory }, 'verified; it runs from this directory');
    },
    close: () => trees.close(),
  };
}

/** Makes the environments of enabled, locked plugins that have none. */
async function ensure(
  settings: InstallSettings,
  wanted: readonly string[],
  env: Cli['env'],
  log: Logger,
): Promise<void> {
  if (settings.onStart === 'never') return;
  const installer = createInstaller({
    ...installerOptionsOf(settings, env),
    consent: () =>
      Promise.resolve({
        kind: 'refused',
        error: new BulkheadError(ErrorCode.GRANT_MISSING, 'nobody is asked at the start of the daemon'),
      }),
    onProgress: (line) => {
      log.info(line);
    },
  });
  const { plugins } = await installer.lock();
  const ids = Object.entries(plugins)
    .filter(([id, entry]) =>
      wanted.some((name) =>
        isNamed(name, [id, entry.name, ...(entry.package === undefined ? [] : [entry.package])]),
      ),
    )
    .map(([id]) => id);
  if (ids.length === 0) return;
  for (const { id, version, path } of await installer.ensure(ids)) {
    log.info({ id, version, directory: path }, 'the environment of a locked plugin was made');
  }
}
