import { chmod, lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isWithin } from '../wall/granted-paths.js';

/** What others may do with a directory of the host's: pass through, by a name that they know. */
const PASS_THROUGH = 0o711;
const OTHERS = 0o077;
/** Below the host's data directory: where those of plugins are, and those of their launches. */
const PASSED = ['data', 'run'];

export interface HostDirectories {
  readonly dataDir: string;
  /** May lie in it, and is meant to be read. */
  readonly pluginsDir: string;
}

/** Lets plugins' users through the host's data directory to what is theirs, after all else in it was closed to them. */
export async function openToUsers({ dataDir, pluginsDir }: HostDirectories): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  for (const name of await readdir(dataDir)) {
    const path = join(dataDir, name);
    if (PASSED.includes(name) || isWithin(pluginsDir, path)) continue;
    const { mode } = await lstat(path);
    const isLink = (await lstat(path)).isSymbolicLink();
    if (!isLink && (mode & OTHERS) !== 0) await chmod(path, mode & 0o7777 & ~OTHERS);
  }
  for (const name of PASSED) {
    const path = join(dataDir, name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, PASS_THROUGH);
  }
  await chmod(dataDir, PASS_THROUGH);
}
