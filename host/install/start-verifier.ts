import { readFile, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { ErrorCode, type Problem } from '@bulkhead/proto';
import type { PluginConfig } from '../config/config.js';
import { checkPluginDirectory } from '../manifest/check-directory.js';
import { checkCompat, type HostVersions } from '../manifest/compat.js';
import { loadManifest } from '../manifest/load-manifest.js';
import { checkEntry } from './entry-check.js';
import {
  environmentPath,
  folderName,
  readCurrent,
  readRecord,
  type EnvironmentRecord,
} from './environment.js';
import { sha512 } from './integrity.js';
import { differingKeys } from './lock-diff.js';
import { readLock } from './lock-file.js';
import { placedFaults, type PlacedRules } from './placed-plugin.js';
import { refused } from './plugin-package.js';
import type { TreeChecker } from './tree-checker.js';
import { treeCheckOf } from './verify-environment.js';

export interface StartVerifierOptions extends PlacedRules {
  readonly pluginsDir: string;
  readonly lockFile: string;
  readonly versions: HostVersions;
  readonly trees: TreeChecker;
}

/** Holds a plugin against its lock before each start, so that what was reviewed is what runs. */
export interface StartVerifier {
  /**
   * Reads the lock anew. An environment that an earlier reading pinned stays known: a process that still runs it may be
   * started again until the configuration takes the new one.
   *
   * @throws LOCK_INVALID
   */
  refresh(): Promise<void>;
  /** @throws BulkheadError with the code of the first fault and all of them; see docs/errors.md */
  verify(
    plugin: Pick<PluginConfig, 'name' | 'directory' | 'manifest' | 'placement' | 'nodePath'>,
  ): Promise<void>;
}

type Pin =
  | { readonly kind: 'pinned'; readonly record: EnvironmentRecord }
  | { readonly kind: 'differs'; readonly message: string };

export function createStartVerifier(options: StartVerifierOptions): StartVerifier {
  const { pluginsDir, environment, trees, versions } = options;
  const pins = new Map<string, Pin>();
  let hasLock = false;

  const pinnedFaults = async (
    directory: string,
    manifest: PluginConfig['manifest'],
  ): Promise<readonly Problem[] | undefined> => {
    const pin = pins.get(directory);
    if (pin === undefined) return undefined;
    if (pin.kind === 'differs')
      return [{ code: ErrorCode.LOCK_MISMATCH, message: pin.message, file: directory }];
    const check = treeCheckOf(options, pin.record);
    if (check === undefined) {
      return [
        {
          code: ErrorCode.LOCK_MISMATCH,
          message: `the lock has no tree of ${manifest.id} for this platform. Run: bulkhead plugin install`,
          file: directory,
        },
      ];
    }
    const faults = await trees.check(check);
    return faults.length > 0 ? faults : checkManifestPin(directory, pin.record);
  };

  return {
    async refresh() {
      const lock = await readLock(options.lockFile);
      hasLock = lock !== undefined;
      for (const [id, entry] of Object.entries(lock?.plugins ?? {})) {
        const folder = await readCurrent(pluginsDir, id);
        if (folder === undefined) continue;
        const directory = await realpath(environmentPath(pluginsDir, id, folder)).catch(() => undefined);
        const record = await readRecord(pluginsDir, id, folder);
        if (directory === undefined) continue;
        const fits =
          record !== undefined &&
          folder.replace(/\.\d+$/, '') === folderName(entry, lock?.sdk) &&
          differingKeys(entry, record.entry).length === 0;
        const message = `the lock pins ${id} ${entry.version}, and the environment ${folder} is of something else. Run: bulkhead plugin install`;
        pins.set(
          directory,
          fits
            ? {
                kind: 'pinned',
                record: { ...record, entry, ...(lock?.sdk === undefined ? {} : { sdk: lock.sdk }) },
              }
            : { kind: 'differs', message },
        );
      }
    },
    async verify({ name, directory, manifest, placement, nodePath }) {
      if (placement === 'command') return;
      const real = await realpath(directory).catch(() => directory);
      const installed = real.startsWith((await realpath(pluginsDir).catch(() => pluginsDir)) + sep);
      const faults =
        (await pinnedFaults(real, manifest)) ?? (await unpinnedFaults(real, manifest, installed));
      const rest =
        faults.length > 0
          ? []
          : await checkPlain(real, manifest, nodePath === undefined ? versions : undefined);
      const all = [...faults, ...rest];
      if (all.length > 0) throw refused(`plugin '${name}'`, all);
    },
  };

  async function unpinnedFaults(
    directory: string,
    manifest: PluginConfig['manifest'],
    installed: boolean,
  ): Promise<readonly Problem[]> {
    if (installed && (hasLock || environment === 'production')) {
      const message = `${manifest.id} is installed and not in the lock ${options.lockFile}. Lock it: bulkhead plugin install <source>`;
      return [{ code: ErrorCode.NOT_LOCKED, message, file: directory }];
    }
    return placedFaults(directory, manifest, options, (check) => trees.check(check));
  }
}

async function checkManifestPin(
  directory: string,
  { entry, id }: EnvironmentRecord,
): Promise<readonly Problem[]> {
  const { file, manifest } = await loadManifest(directory);
  const agrees =
    manifest.id === id &&
    manifest.version === entry.version &&
    sha512(await readFile(file)) === entry.manifest;
  if (agrees) return [];
  return [
    {
      code: ErrorCode.MANIFEST_MISMATCH,
      message: `expected the manifest of ${id} ${entry.version} that the lock pins, got ${manifest.id} ${manifest.version}.`,
      file,
    },
  ];
}

/** What needs no lock: the entry, the assets, what it needs of the host. */
async function checkPlain(
  directory: string,
  manifest: PluginConfig['manifest'],
  versions: HostVersions | undefined,
): Promise<readonly Problem[]> {
  const checked = await checkPluginDirectory(directory);
  return [
    ...(await checkEntry(directory, manifest)),
    ...checked.problems.filter(({ code }) => code === ErrorCode.ASSET_NOT_FOUND),
    ...(versions === undefined ? [] : checkCompat(manifest, versions)),
  ];
}
