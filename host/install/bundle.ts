import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { readIfThere } from './lock-file.js';
import type { PackageCache } from './package-cache.js';
import { requireSha512, sha512OfFile } from './integrity.js';

/** Format of a bundle, as `bundle.json` in it says. */
export const BUNDLE_FORMAT = 1;
/** Names in a bundle. */
export const BUNDLE_ABOUT = 'bundle.json';
export const BUNDLE_PACKAGE = 'package.tgz';
export const BUNDLE_LOCKFILE = 'pnpm-lock.yaml';
export const BUNDLE_PACKAGES = 'packages';
/** Largest bundle that is opened, in bytes. */
const MAX_BUNDLE_BYTES = 2 * 1024 * 1024 * 1024;

/** What a bundle brought: its package and its dependencies are in the cache now, each under its own hash. */
export interface OpenBundle {
  /** The package's tarball. */
  readonly file: string;
  readonly integrity: string;
  /** Its dependency lockfile. */
  readonly lockfile?: string;
}

/**
 * Opens one file of `bulkhead plugin bundle`. Nothing in it is believed: every tarball goes under the hash of its bytes,
 * and is only used where a lockfile asks for that hash.
 *
 * @param folder staging; gone afterwards
 * @throws INTEGRITY_MISSING, INTEGRITY_MISMATCH, LOCK_INVALID
 */
export async function openBundle(path: string, folder: string, cache: PackageCache): Promise<OpenBundle> {
  if ((await stat(path)).size > MAX_BUNDLE_BYTES)
    throw notOne(path, `expected at most ${MAX_BUNDLE_BYTES} bytes`);
  const { extract } = await import('tar');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await extract({
      file: path,
      cwd: folder,
      strict: true,
      preserveOwner: false,
      filter: (_name, entry) => 'type' in entry && isPlain(entry.type),
    });
    const about: unknown = JSON.parse((await readIfThere(join(folder, BUNDLE_ABOUT))) ?? 'null');
    const stated =
      typeof about === 'object' && about !== null && 'format' in about && 'integrity' in about
        ? about
        : undefined;
    if (stated?.format !== BUNDLE_FORMAT || typeof stated.integrity !== 'string')
      throw notOne(path, `expected a ${BUNDLE_ABOUT} of format ${BUNDLE_FORMAT}`);
    const integrity = requireSha512(stated.integrity, path);
    const file = await cache.take(join(folder, BUNDLE_PACKAGE), integrity, path);
    const packages = join(folder, BUNDLE_PACKAGES);
    for (const name of await readdir(packages).catch(() => [])) {
      await cache.take(join(packages, name), await sha512OfFile(join(packages, name)), name);
    }
    const lockfile = await readFile(join(folder, BUNDLE_LOCKFILE), 'utf8').catch(() => undefined);
    return { file, integrity, ...(lockfile === undefined ? {} : { lockfile }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isPlain(type: unknown): boolean {
  return type === 'File' || type === 'OldFile' || type === 'Directory';
}

function notOne(path: string, why: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.LOCK_INVALID,
    `${path} is no bundle that this version reads: ${why}. Make one with: bulkhead plugin bundle <id>`,
  );
}
