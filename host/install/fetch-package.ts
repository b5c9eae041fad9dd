import { rm } from 'node:fs/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { requireSha512 } from './integrity.js';
import type { NpmConfig } from './npm-config.js';
import { integrityMismatch, type PackageCache } from './package-cache.js';

/** A version that a registry offers. */
export interface ResolvedPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  /** The account that published it, as the registry tells. */
  readonly publisher?: string;
}

/** Only registries and files: npm's library must never follow a package to a git repository or another address. */
const ONLY_REGISTRIES = { allowGit: 'none', allowRemote: 'none', allowDirectory: 'none' } as const;

/**
 * Asks the registry which version a range means.
 *
 * @throws FETCH_FAILED, INTEGRITY_MISSING
 */
export async function resolvePackage(name: string, range: string, npm: NpmConfig): Promise<ResolvedPackage> {
  const { default: pacote } = await import('pacote');
  const spec = `${name}@${range}`;
  const options = { ...npm.options, ...ONLY_REGISTRIES, fullMetadata: true, preferOnline: true };
  const found = await pacote.manifest(spec, options).catch((error: unknown) => {
    throw fetchFailed(spec, error);
  });
  const publisher = found._npmUser?.name;
  return {
    name: found.name,
    version: found.version,
    integrity: requireSha512(found.dist?.integrity, `${name}@${found.version}`),
    ...(publisher === undefined ? {} : { publisher }),
  };
}

/**
 * The tarball of an exact version, from the cache or the registry. Whatever arrives has the pinned hash.
 *
 * @param temporary a path for the download, on the cache's file system
 * @throws FETCH_FAILED, INTEGRITY_MISMATCH
 */
export async function fetchTarball(
  { name, version, integrity }: ResolvedPackage,
  npm: () => Promise<NpmConfig>,
  cache: PackageCache,
  temporary: string,
): Promise<string> {
  const kept = await cache.find(integrity);
  if (kept !== undefined) return kept;
  const { default: pacote } = await import('pacote');
  const spec = `${name}@${version}`;
  const options = { ...(await npm()).options, ...ONLY_REGISTRIES, integrity };
  await pacote.tarball.file(spec, temporary, options).catch(async (error: unknown) => {
    await rm(temporary, { force: true });
    throw fetchFailed(spec, error);
  });
  return cache.take(temporary, integrity, spec);
}

/** Unpacks a tarball that has been verified; links in it are left out, modes are made harmless. */
export async function unpackTarball(file: string, integrity: string, directory: string): Promise<void> {
  const { default: pacote } = await import('pacote');
  await pacote
    .extract(`file:${file}`, directory, {
      integrity,
      allowGit: 'none',
      allowRemote: 'none',
      allowDirectory: 'none',
      umask: 0o022,
      fmode: 0o644,
      dmode: 0o755,
    })
    .catch((error: unknown) => {
      throw fetchFailed(file, error);
    });
}

function fetchFailed(spec: string, error: unknown): BulkheadError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EINTEGRITY' && error instanceof Error) {
    const { expected, found } = {
      expected: Reflect.get(error, 'expected'),
      found: Reflect.get(error, 'found'),
    } as const;
    return integrityMismatch(spec, String(expected), String(found));
  }
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  const message = line.replace(/\.+$/, '');
  const retryable = code !== 'E404' && code !== 'ETARGET' && code !== 'ENOVERSIONS';
  return new BulkheadError(
    ErrorCode.FETCH_FAILED,
    `${spec} could not be had: ${message}. Look at the name, the version and the registry of your npm configuration.`,
    { cause: error, retryable },
  );
}
