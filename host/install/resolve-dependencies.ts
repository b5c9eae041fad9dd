import { rm } from 'node:fs/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Dependencies } from './build-environment.js';
import { hasDependencies, lockDependencies } from './dependencies.js';
import { parseDependencyLockfile } from './dependency-lockfile.js';
import type { InstallContext } from './install-context.js';
import type { LockEntry } from './lock-file.js';
import { readPinnedLockfile, registriesOf } from './pinned-lockfile.js';
import type { PluginPackage } from './plugin-package.js';
import { stagingPath } from './staging.js';

/** The graph of a package: what a bundle brought or the lock has, as long as it fits; else resolved anew. */
export async function resolveDependencies(
  context: InstallContext,
  unpacked: PluginPackage,
  before: LockEntry | undefined,
  bundled: string | undefined,
  frozen: boolean,
): Promise<Dependencies | undefined> {
  const { wish, manifest } = unpacked;
  if (!hasDependencies(wish)) return undefined;
  const registries = await registriesOf(context, 'tarball:');
  const kept =
    before?.dependencies === undefined ? undefined : await readPinnedLockfile(context, manifest.id, before);
  for (const text of [bundled, kept]) {
    if (text === undefined) continue;
    const pinned = parseDependencyLockfile(text, manifest.id, registries);
    if (pinned.fits(wish)) return { text, pinned };
  }
  if (frozen) {
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `the dependencies that ${manifest.id} asks for are not those that locks/${manifest.id} pins. Lock them: bulkhead plugin install`,
    );
  }
  context.progress(`resolving the dependencies of ${manifest.id}`);
  const folder = await stagingPath(context.pluginsDir);
  try {
    const text = await lockDependencies(folder, wish, kept, await context.packageManager());
    return { text, pinned: parseDependencyLockfile(text, manifest.id, registries) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
