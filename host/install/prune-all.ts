import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecords } from './environment.js';
import { parseDependencyLockfile } from './dependency-lockfile.js';
import type { InstallContext } from './install-context.js';
import type { PluginsLock } from './lock-file.js';
import { pruneCache, pruneEnvironments, removeUnlocked } from './prune.js';

/** What a prune removed. */
export interface PruneReport {
  readonly plugins: readonly string[];
  readonly environments: readonly string[];
  /** Packages, notes and files of the store. */
  readonly cached: number;
}

/** Removes whatever no locked plugin uses: plugins, old environments, cached packages, files of the store. */
export async function pruneAll(context: InstallContext, lock: PluginsLock): Promise<PruneReport> {
  const { pluginsDir, cacheDir } = context;
  const plugins = await removeUnlocked(pluginsDir, lock);
  const environments: string[] = [];
  const hashes = new Set<string>();
  const sdks = new Set<string>();
  for (const id of Object.keys(lock.plugins)) {
    for (const folder of await pruneEnvironments(pluginsDir, id)) environments.push(`${id}/${folder}`);
    for (const { entry, sdk, lockfile } of await readRecords(pluginsDir, id)) {
      hashes.add(hex(entry.integrity));
      if (sdk !== undefined) sdks.add(hex(sdk.integrity).slice(0, 32));
      if (lockfile === undefined) continue;
      for (const { integrity } of parseDependencyLockfile(lockfile, id).packages) hashes.add(hex(integrity));
    }
  }
  const cached = await pruneCache(cacheDir, { ids: Object.keys(lock.plugins), hashes, sdks });
  return { plugins, environments, cached: cached + (await pruneStore(join(cacheDir, 'store'))) };
}

/**
 * Files of the store that no environment shares have one name only. The package manager looks before it links and
 * fetches again what is gone. Its notes of projects name staging folders; they lead nowhere.
 */
async function pruneStore(storeDir: string): Promise<number> {
  let gone = 0;
  for (const version of await readdir(storeDir).catch(() => [])) {
    const projects = join(storeDir, version, 'projects');
    for (const name of await readdir(projects).catch(() => [])) {
      if ((await stat(join(projects, name)).catch(() => undefined)) === undefined)
        await rm(join(projects, name), { force: true });
    }
    const files = join(storeDir, version, 'files');
    for (const shelf of await readdir(files).catch(() => [])) {
      for (const name of await readdir(join(files, shelf)).catch(() => [])) {
        const file = join(files, shelf, name);
        const stats = await lstat(file);
        if (!stats.isFile() || stats.nlink > 1) continue;
        await rm(file, { force: true });
        gone += 1;
      }
    }
  }
  return gone;
}

function hex(integrity: string): string {
  return Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
}
