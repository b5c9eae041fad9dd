import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

const BLOCK_BYTES = 512;
/** What an entry counts for at least, so that a flood of empty files is seen too. */
const LEAST_BYTES = 4_096;

/**
 * What the trees take on disk, in bytes. Stops looking once it is more than `enoughBytes`. What vanishes meanwhile, or
 * cannot be read, counts for nothing; links are not followed.
 */
export async function diskUse(roots: readonly string[], enoughBytes: number): Promise<number> {
  let bytes = 0;
  const folders = [...roots];
  for (let folder = folders.pop(); folder !== undefined && bytes <= enoughBytes; folder = folders.pop()) {
    const entries = await opendir(folder).catch(() => undefined);
    if (entries === undefined) continue;
    for await (const entry of entries) {
      const path = join(folder, entry.name);
      const info = await lstat(path).catch(() => undefined);
      if (info === undefined) continue;
      bytes += Math.max(LEAST_BYTES, info.blocks * BLOCK_BYTES);
      if (info.isDirectory()) folders.push(path);
      if (bytes > enoughBytes) break;
    }
  }
  return bytes;
}
