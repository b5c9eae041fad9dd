import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CURRENT, listFolders, readCurrent, readRecords, removeEnvironment } from './environment.js';
import type { PluginsLock } from './lock-file.js';
import { removeWhole } from './staging.js';

/** Environments of one plugin that are kept, the current one among them. */
export const KEPT_ENVIRONMENTS = 3;

/**
 * Removes all but the newest environments of a plugin, and what is no whole environment; never the current one.
 *
 * @returns the folders that went
 */
export async function pruneEnvironments(pluginsDir: string, id: string): Promise<readonly string[]> {
  const current = await readCurrent(pluginsDir, id);
  const records = await readRecords(pluginsDir, id);
  // One with the same key beside the current one is what a repair replaced.
  const others = records
    .filter(({ folder }) => keyOf(folder) !== keyOf(current))
    .slice(0, KEPT_ENVIRONMENTS - 1);
  const kept = new Set([current, ...others.map(({ folder }) => folder)]);
  const gone = (await listFolders(pluginsDir, id)).filter((folder) => !kept.has(folder));
  for (const folder of gone) await removeEnvironment(pluginsDir, id, folder);
  return gone;
}

function keyOf(folder: string | undefined): string | undefined {
  return folder?.replace(/\.\d+$/, '');
}

/**
 * Removes plugins that the lock does not name (any more).
 *
 * @param ids only these; default: every plugin in the directory
 * @returns the ids that went
 */
export async function removeUnlocked(
  pluginsDir: string,
  lock: PluginsLock,
  ids?: readonly string[],
): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const id of ids ?? (await readdir(pluginsDir).catch(() => []))) {
    if (id.startsWith('.') || Object.hasOwn(lock.plugins, id)) continue;
    const home = join(pluginsDir, id);
    if (!(await isOurs(home))) continue;
    await removeWhole(pluginsDir, home);
    gone.push(id);
  }
  return gone;
}

/** Something that a person put there is not ours to remove. */
async function isOurs(home: string): Promise<boolean> {
  const names: readonly string[] = await readdir(home).catch(() => []);
  if (!names.includes('.records')) return false;
  return !names.includes(CURRENT) || (await lstat(join(home, CURRENT))).isSymbolicLink();
}

/** Removes what no environment uses any more: notes of verified files, packages, copies of the SDK. */
export async function pruneCache(
  cacheDir: string,
  used: {
    readonly ids: readonly string[];
    readonly hashes: ReadonlySet<string>;
    readonly sdks: ReadonlySet<string>;
  },
): Promise<number> {
  const drop = async (folder: string, isUsed: (name: string) => boolean): Promise<number> => {
    const names = await readdir(join(cacheDir, folder)).catch(() => []);
    const gone = names.filter((name) => !isUsed(name));
    for (const name of gone) await rm(join(cacheDir, folder, name), { recursive: true, force: true });
    return gone.length;
  };
  const counts = [
    await drop('verified', (name) => used.ids.includes(name)),
    await drop('packages', (name) => used.hashes.has(name.replace(/\.tgz$/, ''))),
    await drop('sdk', (name) => used.sdks.has(name)),
  ];
  return counts.reduce((sum, count) => sum + count, 0);
}
