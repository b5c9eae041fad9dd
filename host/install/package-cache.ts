import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { sha512OfFile } from './integrity.js';

/** Package tarballs by their hash: what has been verified once is never fetched again. */
export interface PackageCache {
  /** The file, when it is there and its bytes still have that hash. */
  find(integrity: string): Promise<string | undefined>;
  /**
   * Takes a file over (it is moved) and gives its place.
   *
   * @throws INTEGRITY_MISMATCH, and the file is gone
   */
  take(file: string, integrity: string, what: string): Promise<string>;
}

export function createPackageCache(cacheDir: string): PackageCache {
  const folder = join(cacheDir, 'packages');
  const pathOf = (integrity: string): string =>
    join(folder, `${Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')}.tgz`);
  return {
    async find(integrity) {
      const file = pathOf(integrity);
      if ((await stat(file).catch(() => undefined))?.isFile() !== true) return undefined;
      if ((await sha512OfFile(file)) === integrity) return file;
      await rm(file, { force: true });
      return undefined;
    },
    async take(file, integrity, what) {
      const got = await sha512OfFile(file);
      if (got !== integrity) {
        await rm(file, { force: true });
        throw integrityMismatch(what, integrity, got);
      }
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const target = pathOf(integrity);
      await move(file, target);
      return target;
    },
  };
}

export function integrityMismatch(what: string, expected: string, got: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.INTEGRITY_MISMATCH,
    `${what}: expected ${expected}, got ${got}. Its bytes are not those that were pinned; nothing of it was kept.`,
  );
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    const near = `${to}.${process.pid}`;
    await copyFile(from, near);
    await rename(near, to);
    await rm(from, { force: true });
  }
}
