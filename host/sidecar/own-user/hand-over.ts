import { constants, type Stats } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { entriesOf, inside, MAX_DEPTH, openDirectory } from './anchored.js';

/** What is looked at in one data directory; that takes some ten seconds. */
export const MAX_ENTRIES = 200_000;

export interface HandedOver {
  /** Files that stay as they are, because they may have another name somewhere else. */
  readonly kept: number;
}

/**
 * Makes a directory and what is in it a user's own. Whoever could write there may have prepared it to be given more:
 * links are not followed, files with a second name are left alone, as are devices, and nothing is reached by a path that
 * could lead elsewhere by now. The directory itself comes last, so that one that was cut short is seen to be.
 *
 * @throws BulkheadError LIMIT_EXCEEDED when there is too much in it
 */
export async function handOver(
  path: string,
  uid: number,
  gid = uid,
  maxEntries = MAX_ENTRIES,
): Promise<HandedOver> {
  const directory = await openDirectory(path);
  try {
    const walk = { uid, gid, left: maxEntries, kept: 0 };
    if (!(await handOverEntries(directory, walk, 0))) throw tooMuch(path, uid, maxEntries);
    await directory.chown(uid, gid);
    await directory.chmod(0o700);
    return { kept: walk.kept };
  } finally {
    await directory.close();
  }
}

interface Walk {
  readonly uid: number;
  readonly gid: number;
  left: number;
  kept: number;
}

/** @returns whether all of it was looked at */
async function handOverEntries(directory: FileHandle, walk: Walk, depth: number): Promise<boolean> {
  if (depth > MAX_DEPTH) return false;
  for (const name of await entriesOf(directory)) {
    walk.left -= 1;
    if (walk.left < 0) return false;
    const path = inside(directory, name);
    const stats = await lstat(path);
    if (stats.isDirectory()) {
      const child = await openDirectory(path);
      try {
        if (!(await handOverEntries(child, walk, depth + 1))) return false;
        await child.chown(walk.uid, walk.gid);
      } finally {
        await child.close();
      }
    } else if (stats.isFile() && !isOwn(stats, walk)) await handOverFile(path, walk);
  }
  return true;
}

/** By its descriptor: what is judged is what is given. */
async function handOverFile(path: Buffer, walk: Walk): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (stats.isFile() && stats.nlink === 1) await file.chown(walk.uid, walk.gid);
    else walk.kept += 1;
  } finally {
    await file.close();
  }
}

function isOwn({ uid, gid }: Stats, walk: Walk): boolean {
  return uid === walk.uid && gid === walk.gid;
}

function tooMuch(path: string, uid: number, maxEntries: number): BulkheadError {
  return new BulkheadError(
    ErrorCode.LIMIT_EXCEEDED,
    `${path} is to belong to uid ${uid}, the plugin's own, and holds more than ${maxEntries} files, or is deeper than ` +
      `${MAX_DEPTH} directories; clear it, or stop the host and run: chown -R --no-dereference ${uid}:${uid} ${path}`,
    { details: { path, uid } },
  );
}
