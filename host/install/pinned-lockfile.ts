import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InstallContext } from './install-context.js';
import { sha512 } from './integrity.js';
import { dependencyLockfileOf, readIfThere, type LockEntry } from './lock-file.js';

/** @throws LOCK_INVALID when it is not the one that the lock pins */
export async function readPinnedLockfile(
  context: InstallContext,
  id: string,
  entry: LockEntry,
): Promise<string | undefined> {
  if (entry.dependencies === undefined) return undefined;
  const file = dependencyLockfileOf(context.lockFile, id);
  const text = await readIfThere(file);
  if (text !== undefined && sha512(text) === entry.dependencies) return text;
  throw new BulkheadError(
    ErrorCode.LOCK_INVALID,
    `${file}: expected the lockfile with ${entry.dependencies}, got ${text === undefined ? 'none' : sha512(text)}. Take the one that was committed, or lock anew: bulkhead plugin update ${id}`,
  );
}

/** Only a lockfile that names addresses needs npm's configuration read. */
export async function registriesOf(
  context: InstallContext,
  lockfile: string | undefined,
): Promise<readonly string[]> {
  if (lockfile?.includes('tarball:') !== true) return [];
  const { options, registryOf } = await context.npm();
  const scoped = Object.entries(options).flatMap(([key, value]) =>
    key.endsWith(':registry') && typeof value === 'string' ? [value] : [],
  );
  return [registryOf(''), ...scoped];
}
