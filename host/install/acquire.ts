import { copyFile, rm } from 'node:fs/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { openBundle, type OpenBundle } from './bundle.js';
import { fetchTarball, resolvePackage, unpackTarball, type ResolvedPackage } from './fetch-package.js';
import type { InstallContext } from './install-context.js';
import { sha512OfFile } from './integrity.js';
import type { LockEntry } from './lock-file.js';
import { integrityMismatch } from './package-cache.js';
import { copyFiles, packFolder } from './pack-folder.js';
import { describeSource, sourcePath, type PluginSource } from './source.js';
import { assertPublisherAllowed, assertSourceAllowed } from './source-policy.js';
import { stagingPath } from './staging.js';

/** A package's files, unpacked where nobody looks yet, with the hash that they were verified by. */
export interface AcquiredPackage {
  readonly directory: string;
  readonly integrity: string;
  readonly source: PluginSource;
  /** What else a bundle brought. */
  readonly bundle?: OpenBundle;
}

/**
 * Gets a package from its source; with `pinned`, exactly that one.
 *
 * @throws SOURCE_NOT_ALLOWED, FETCH_FAILED, INTEGRITY_MISMATCH, INTEGRITY_MISSING, LOCK_MISMATCH; nothing is left behind then
 */
export async function acquirePackage(
  context: InstallContext,
  source: PluginSource,
  pinned?: LockEntry,
): Promise<AcquiredPackage> {
  await assertAllowed(context, source);
  const directory = await stagingPath(context.pluginsDir);
  try {
    switch (source.kind) {
      case 'registry':
        return await fromRegistry(context, source, pinned, directory);
      case 'folder':
        return await fromFolder(context, source, pinned, directory);
      case 'tarball':
        return await fromTarball(context, source, pinned, directory);
      case 'bundle':
        return await fromBundle(context, source, pinned, directory);
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** @throws SOURCE_NOT_ALLOWED */
export async function assertAllowed(context: InstallContext, source: PluginSource): Promise<void> {
  const { base, policy, environment } = context;
  const asks = source.kind === 'registry' && policy?.registries !== undefined;
  const registry = asks ? (await context.npm()).registryOf(source.name) : undefined;
  await assertSourceAllowed(
    { source, base, ...(registry === undefined ? {} : { registry }) },
    policy,
    environment,
  );
  if (source.kind === 'registry' && source.publisher !== undefined)
    assertPublisherAllowed(source, source.publisher, policy);
}

async function fromRegistry(
  context: InstallContext,
  source: Extract<PluginSource, { kind: 'registry' }>,
  pinned: LockEntry | undefined,
  directory: string,
): Promise<AcquiredPackage> {
  const resolved =
    pinned === undefined
      ? await resolve(context, source)
      : { name: source.name, version: pinned.version, integrity: pinned.integrity };
  const { integrity } = resolved;
  context.progress(`fetching ${resolved.name}@${resolved.version}`);
  const file = await fetchTarball(
    resolved,
    context.npm,
    context.cache,
    await stagingPath(context.pluginsDir),
  );
  await unpackTarball(file, integrity, directory);
  const publisher = pinned === undefined ? resolved.publisher : source.publisher;
  const { name, range } = source;
  return {
    directory,
    integrity,
    source: { kind: 'registry', name, range, ...(publisher === undefined ? {} : { publisher }) },
  };
}

async function resolve(
  context: InstallContext,
  source: Extract<PluginSource, { kind: 'registry' }>,
): Promise<ResolvedPackage> {
  context.progress(`asking the registry for ${describeSource(source)}`);
  const resolved = await resolvePackage(source.name, source.range, await context.npm());
  assertPublisherAllowed(source, resolved.publisher, context.policy);
  return resolved;
}

async function fromFolder(
  context: InstallContext,
  source: Extract<PluginSource, { kind: 'folder' }>,
  pinned: LockEntry | undefined,
  directory: string,
): Promise<AcquiredPackage> {
  const folder = sourcePath(source, context.base);
  const { files, integrity } = await packFolder(folder);
  if (pinned !== undefined && pinned.integrity !== integrity) {
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `${source.path}: its files are not those that the lock pins (expected ${pinned.integrity}, got ${integrity}). Build it, or lock what is there: bulkhead plugin install ${source.path}`,
    );
  }
  await copyFiles(folder, directory, files);
  return { directory, integrity, source };
}

async function fromTarball(
  context: InstallContext,
  source: Extract<PluginSource, { kind: 'tarball' }>,
  pinned: LockEntry | undefined,
  directory: string,
): Promise<AcquiredPackage> {
  let file = pinned === undefined ? undefined : await context.cache.find(pinned.integrity);
  let integrity = pinned?.integrity;
  if (file === undefined) {
    const copy = await stagingPath(context.pluginsDir);
    await copyFile(sourcePath(source, context.base), copy);
    integrity ??= await sha512OfFile(copy);
    file = await context.cache.take(copy, integrity, source.path);
  }
  if (integrity === undefined) throw integrityMismatch(source.path, 'a hash', 'none');
  await unpackTarball(file, integrity, directory);
  return { directory, integrity, source };
}

async function fromBundle(
  context: InstallContext,
  source: Extract<PluginSource, { kind: 'bundle' }>,
  pinned: LockEntry | undefined,
  directory: string,
): Promise<AcquiredPackage> {
  const kept = pinned === undefined ? undefined : await context.cache.find(pinned.integrity);
  if (pinned !== undefined && kept !== undefined) {
    await unpackTarball(kept, pinned.integrity, directory);
    return { directory, integrity: pinned.integrity, source };
  }
  const bundle = await openBundle(
    sourcePath(source, context.base),
    await stagingPath(context.pluginsDir),
    context.cache,
  );
  if (pinned !== undefined && pinned.integrity !== bundle.integrity)
    throw integrityMismatch(source.path, pinned.integrity, bundle.integrity);
  await unpackTarball(bundle.file, bundle.integrity, directory);
  return { directory, integrity: bundle.integrity, source, bundle };
}
