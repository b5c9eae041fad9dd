import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, rename, rmdir, unlink, type FileHandle } from 'node:fs/promises';

/** Deeper than any tree that is not made to exhaust whoever walks it; each level holds a descriptor. */
export const MAX_DEPTH = 200;

/**
 * Opens a directory itself, never where a link leads. What is then done by its descriptor is done to that one, whoever
 * renames what meanwhile: the host is root, and may not be led out of a tree that somebody else may write to.
 *
 * @throws ENOTDIR, ELOOP when it is something else
 */
export function openDirectory(path: string | Buffer): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/** The path of an entry of a directory that is open; its name as the bytes that it is, which may be no text. */
export function inside(directory: FileHandle, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory.fd}/`), name]);
}

export function entriesOf(directory: FileHandle): Promise<readonly Buffer[]> {
  return readdir(`/proc/self/fd/${directory.fd}`, { encoding: 'buffer' });
}

/** What a tree of the deepest kind takes; each pass takes `MAX_DEPTH` levels of it. */
const MAX_PASSES = 10_000;

/**
 * Removes what is in a directory that another user may write to, and takes the directory itself from that user, so that
 * nobody can put something there meanwhile.
 */
export async function emptyDirectory(directory: FileHandle): Promise<void> {
  let deep = 0;
  // Each level holds a descriptor, so what is too deep is first brought up.
  const bringUp = async (path: Buffer): Promise<void> => {
    deep += 1;
    await rename(path, inside(directory, Buffer.from(`deep-${deep}-${randomBytes(4).toString('hex')}`)));
  };
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const before = deep;
    await emptyTo(directory, 0, bringUp);
    if (deep === before) return;
  }
  throw new Error(`a tree is deeper than ${MAX_PASSES * MAX_DEPTH} directories`);
}

async function emptyTo(
  directory: FileHandle,
  depth: number,
  bringUp: (path: Buffer) => Promise<void>,
): Promise<void> {
  await directory.chown(process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  await directory.chmod(0o700);
  for (const name of await entriesOf(directory)) {
    const path = inside(directory, name);
    if (!(await lstat(path)).isDirectory()) {
      await unlink(path);
      continue;
    }
    if (depth >= MAX_DEPTH) {
      await bringUp(path);
      continue;
    }
    const child = await openDirectory(path);
    try {
      await emptyTo(child, depth + 1, bringUp);
    } finally {
      await child.close();
    }
    await rmdir(path);
  }
}
