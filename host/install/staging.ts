import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, isRunning } from '../sidecar/process-identity.js';

/** Beside the environments, so that a rename moves into place; the dot hides it from whoever looks for plugins. */
const FOLDER = '.staging';

/** A new name in the staging folder, marked with this process. */
export async function stagingPath(pluginsDir: string): Promise<string> {
  await mkdir(join(pluginsDir, FOLDER), { recursive: true, mode: 0o755 });
  return join(pluginsDir, FOLDER, `${ownMark()}-${randomBytes(8).toString('hex')}`);
}

/** Removes something so that nobody ever sees half of it: first out of sight by one rename. */
export async function removeWhole(pluginsDir: string, path: string): Promise<void> {
  const away = await stagingPath(pluginsDir);
  try {
    await rename(path, away);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  await rm(away, { recursive: true, force: true });
}

/** Removes what runs that were killed left behind; what a living process stages stays. */
export async function clearStaging(pluginsDir: string): Promise<void> {
  const folder = join(pluginsDir, FOLDER);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!isLiving(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** A number alone could be another process's by now; its start time goes with it. */
function ownMark(): string {
  const { pid, startTime } = identifyProcess(process.pid);
  return `${pid}-${encode(startTime)}`;
}

function isLiving(name: string): boolean {
  const [pid = '', startTime = ''] = name.split('-');
  const id = Number(pid);
  if (!Number.isSafeInteger(id) || id <= 0) return false;
  return isRunning({ pid: id, startTime: decode(startTime) });
}

function encode(text: string): string {
  return Buffer.from(text).toString('hex');
}

function decode(hex: string): string {
  return Buffer.from(hex, 'hex').toString();
}
