import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const RETRIES = 3;

/** Removes a directory that a plugin could write to, also when it took away its own permissions in there. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: RETRIES });
  } catch {
    await openUp(path);
    await rm(path, { recursive: true, force: true, maxRetries: RETRIES });
  }
}

async function openUp(path: string): Promise<void> {
  // lstat: a link that leads out of the tree is removed, never followed.
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const name of await readdir(path)) await openUp(join(path, name));
}
