import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Beside the environments, so that a rename moves into place; the dot hides it from whoever looks for plugins. */
const FOLDER = '.staging';
/** A name that an unknown program left there is removed when it is older. */
const MAX_AGE_MS = 24 * 3_600_000;

/**
 * A new name in the staging folder, marked with this process.
 *
 * @param {string} pluginsDir
 */
export async function stagingPath(pluginsDir) {
  await mkdir(join(pluginsDir, FOLDER), { recursive: true, mode: 0o755 });
  return join(pluginsDir, FOLDER, `${String(process.pid)}-${randomBytes(8).toString('hex')}`);
}

/**
 * Removes a folder so that nobody ever sees half of it: first out of sight by one rename.
 *
 * @param {string} pluginsDir
 * @param {string} path
 */
export async function removeWhole(pluginsDir, path) {
  const away = await stagingPath(pluginsDir);
  try {
    await rename(path, away);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  await rm(away, { recursive: true, force: true });
}

/**
 * Removes what runs that were killed left behind; what a living process stages stays.
 *
 * @param {string} pluginsDir
 */
export async function clearStaging(pluginsDir) {
  const folder = join(pluginsDir, FOLDER);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const pid = Number.parseInt(name, 10);
    const found = await stat(join(folder, name)).catch(() => undefined);
    const tooOld = found !== undefined && Date.now() - found.mtimeMs > MAX_AGE_MS;
    if (tooOld || !isAlive(pid)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
