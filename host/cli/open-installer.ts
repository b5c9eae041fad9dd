import { join, resolve } from 'node:path';
import { loadInstallSettings, type InstallSettings } from '../config/load-install.js';
import { decideGrants } from '../grants/decide.js';
import type { Consent } from '../install/consent.js';
import { createInstaller, type Installer } from '../install/installer.js';
import { LOCK_FILE } from '../install/lock-file.js';
import { HOST_VERSION } from '../version.js';
import type { Cli } from './cli.js';
import { installerGrants } from './installer-grants.js';
import { configFileOf, type PlaceOptions } from './places.js';
import { sdkDirectory } from './sdk-directory.js';
import { actorOf, terminalOf } from './terminal.js';

export interface InstallerPlaces extends PlaceOptions {
  readonly pluginsDir?: string;
  readonly cacheDir?: string;
}

export interface InstallerWish {
  /** `--grant` flags. */
  readonly grant: readonly string[];
  /** Whether a person may be asked. */
  readonly mayAsk: boolean;
}

export interface OpenInstaller {
  readonly installer: Installer;
  readonly settings: InstallSettings;
}

/** An installer as the configuration says, with the person at this terminal to ask. */
export async function openInstaller(
  cli: Cli,
  places: InstallerPlaces,
  wish: InstallerWish,
): Promise<OpenInstaller> {
  const absolute = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(cli.cwd, path);
  const overrides = Object.entries({
    dataDir: absolute(places.dataDir),
    pluginsDir: absolute(places.pluginsDir),
    cacheDir: absolute(places.cacheDir),
  }).filter(([, path]) => path !== undefined);
  const settings = await loadInstallSettings(configFileOf(cli, places), Object.fromEntries(overrides));
  const installer = createInstaller({
    ...installerOptionsOf(settings, cli.env),
    consent: consentOf(cli, settings, wish),
    onProgress: (line) => {
      cli.err(`${line} …\n`);
    },
  });
  return { installer, settings };
}

/** What the configuration says of installing. */
export function installerOptionsOf(
  settings: InstallSettings,
  env: Cli['env'],
): Omit<Parameters<typeof createInstaller>[0], 'consent' | 'onProgress'> {
  const { base, pluginsDir, cacheDir, environment, sources, unrunScripts } = settings;
  return {
    pluginsDir,
    cacheDir,
    lockFile: join(base, LOCK_FILE),
    sdkDirectory: sdkDirectory(),
    environment,
    unrunScripts,
    versions: { app: HOST_VERSION, node: process.versions.node },
    env,
    ...(sources === undefined ? {} : { policy: sources }),
  };
}

/** Flags or a person decide; what was granted before and is still asked for needs neither. */
function consentOf(cli: Cli, settings: InstallSettings, { grant, mayAsk }: InstallerWish): Consent {
  const decisions = installerGrants(settings, cli.env);
  return async (manifest) => {
    const terminal = mayAsk ? terminalOf(cli) : undefined;
    const history = await decisions.history(manifest.id);
    const previous = history.at(-1);
    const outcome = await decideGrants({
      manifest,
      previous,
      history,
      flags: grant,
      terminal,
      by: actorOf(cli),
    });
    if (outcome.kind === 'refused') return outcome;
    const { changed, decision } = outcome;
    return {
      kind: 'granted',
      record: async () => {
        if (changed) await decisions.put(manifest.id, decision);
      },
    };
  };
}
