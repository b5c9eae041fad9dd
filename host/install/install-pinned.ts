import { rm } from 'node:fs/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { acquirePackage, assertAllowed } from './acquire.js';
import { buildEnvironment } from './build-environment.js';
import { parseDependencyLockfile } from './dependency-lockfile.js';
import { draftOf } from './entry-draft.js';
import { readCurrent, treeOf } from './environment.js';
import { findRecord } from './find-environment.js';
import type { InstallContext } from './install-context.js';
import { result, resultOf, type InstallResult } from './install-result.js';
import { differingKeys, lockMismatch } from './lock-diff.js';
import type { PluginsLock } from './lock-file.js';
import { commit, entryOf } from './locked-entries.js';
import { readPinnedLockfile, registriesOf } from './pinned-lockfile.js';
import { readPluginPackage } from './plugin-package.js';
import { pruneEnvironments } from './prune.js';

/** Makes current what the lock pins, exactly: an environment that is there and verifies, else one that is built. */
export async function installPinned(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  frozen: boolean,
): Promise<InstallResult> {
  const entry = entryOf(lock, id);
  await assertAllowed(context, entry.source);
  const text = await readPinnedLockfile(context, id, entry);
  const sdk = entry.sdk === 'host' ? await context.sdk() : undefined;
  const pinnedSdk = lock.sdk?.integrity;
  if (sdk !== undefined && pinnedSdk !== sdk.integrity && frozen) {
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `the SDK of this host (${sdk.version}, ${sdk.integrity}) is not the one that the lock pins (${lock.sdk?.version ?? 'none'}, ${pinnedSdk ?? 'none'}). Lock it: bulkhead plugin install`,
    );
  }
  const next: PluginsLock =
    sdk === undefined ? lock : { ...lock, sdk: { version: sdk.version, integrity: sdk.integrity } };
  const there = await findRecord(context, next, id, entry);
  const before = await readCurrent(context.pluginsDir, id);
  if (there !== undefined) {
    if (before !== there.folder || next !== lock)
      await commit(context, next, [{ id, folder: there.folder, lockfile: text ?? null }]);
    return result(context, there, before === there.folder ? 'current' : 'activated', before);
  }
  if (frozen && treeOf(entry) === undefined) {
    throw new BulkheadError(
      ErrorCode.LOCK_MISMATCH,
      `the lock has no tree of ${id} for this platform. Add it here: bulkhead plugin install`,
    );
  }
  const acquired = await acquirePackage(context, entry.source, entry);
  try {
    const unpacked = await readPluginPackage(
      acquired.directory,
      context.versions,
      (await context.sdk()).version,
    );
    const registries = await registriesOf(context, text);
    const dependencies =
      text === undefined ? undefined : { text, pinned: parseDependencyLockfile(text, id, registries) };
    const draft = draftOf(unpacked, acquired.integrity, entry.source, dependencies);
    if (unpacked.manifest.id !== id || differingKeys(entry, draft).length > 0)
      throw lockMismatch(id, entry, draft);
    const built = await buildEnvironment(context, unpacked, { ...draft, tree: entry.tree }, dependencies);
    const plugins = { ...next.plugins, [id]: built.entry };
    await commit(context, { ...next, plugins }, [{ id, folder: built.folder, lockfile: text ?? null }]);
    await pruneEnvironments(context.pluginsDir, id);
    return await resultOf(context, id, built.folder, 'built', before);
  } finally {
    await rm(acquired.directory, { recursive: true, force: true });
  }
}
