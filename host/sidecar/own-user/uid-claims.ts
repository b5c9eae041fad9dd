import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, isRunning } from '../process-identity.js';

/** Where the hosts of a machine, or of a container, tell each other what they use; root's alone, and gone with a boot. */
const FOLDER = '/run/bulkhead-uids';

/** Keeps hosts on one machine from running their plugins as the same users. */
export interface UidClaims {
  /** Whether the user is this holder's from now on; false when another that still runs has it. */
  take(uid: number): Promise<boolean>;
  release(uid: number): Promise<void>;
}

/**
 * Each holder has a file of its own for each user, written before it looks for those of others: of two at once at least
 * one sees the other, and takes another user. Where the folder cannot be had, nobody has anything.
 */
export function createUidClaims(folder = FOLDER): UidClaims {
  const holder = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const fileOf = (uid: number): string => join(folder, `${uid}.${holder}`);
  const release = (uid: number): Promise<void> => rm(fileOf(uid), { force: true });
  return {
    async take(uid) {
      try {
        await makeFolder(folder);
        await writeFile(fileOf(uid), identifyProcess(process.pid).startTime, { mode: 0o600 });
      } catch {
        return true;
      }
      for (const name of await readdir(folder)) {
        if (name.endsWith(`.${holder}`) || !(await isHeld(join(folder, name), name))) continue;
        if (!name.startsWith(`${uid}.`)) continue;
        await release(uid);
        return false;
      }
      return true;
    },
    release,
  };
}

/** Not with what leads to it: that is the system's. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
}

/** One that is just being written counts, too; what a dead host left is cleared away. */
async function isHeld(file: string, name: string): Promise<boolean> {
  const pid = Number(/^\d+\.(\d+)-/.exec(name)?.[1]);
  const startTime = await readFile(file, 'utf8').catch(() => undefined);
  if (startTime === undefined || !(pid > 0)) return false;
  if (isRunning({ pid, startTime })) return true;
  await rm(file, { force: true });
  return false;
}
