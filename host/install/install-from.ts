import { rm } from 'node:fs/promises';
import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { acquirePackage } from './acquire.js';
import { buildEnvironment, type Dependencies, type EntryDraft } from './build-environment.js';
import type { ConsentAnswer } from './consent.js';
import { draftOf } from './entry-draft.js';
import { readCurrent } from './environment.js';
import { findDraft } from './find-environment.js';
import type { InstallContext } from './install-context.js';
import { installPinned } from './install-pinned.js';
import { resultOf, type InstallResult } from './install-result.js';
import { differingKeys, lockMismatch } from './lock-diff.js';
import type { LockEntry, PluginsLock } from './lock-file.js';
import { commit, lockedBytes, lockedFor } from './locked-entries.js';
import { readPluginPackage, type PluginPackage } from './plugin-package.js';
import { pruneEnvironments } from './prune.js';
import { resolveDependencies } from './resolve-dependencies.js';
import type { PluginSource } from './source.js';

export interface InstallWish {
  /** Refuse any difference from the lock. */
  readonly frozen: boolean;
  /** Ask the source again although the lock has an answer. */
  readonly fresh: boolean;
}

/** Installs what a source has now, and locks it. */
export async function installFrom(
  context: InstallContext,
  lock: PluginsLock,
  source: PluginSource,
  wish: InstallWish,
): Promise<InstallResult> {
  const known = wish.fresh ? undefined : lockedFor(lock, source);
  if (known !== undefined) return installPinned(context, lock, known, wish.frozen);
  const acquired = await acquirePackage(context, source);
  try {
    // The same bytes as before: nothing in them has to be read again.
    const same = acquired.bundle === undefined ? lockedBytes(lock, acquired.integrity) : undefined;
    if (same !== undefined) {
      const pinned = await asLocked(context, lock, same, wish.frozen);
      if (pinned !== undefined) return pinned;
    }
    const sdk = await context.sdk();
    const unpacked = await readPluginPackage(acquired.directory, context.versions, sdk.version);
    const { id } = unpacked.manifest;
    const before = lock.plugins[id];
    const dependencies = await resolveDependencies(
      context,
      unpacked,
      before,
      acquired.bundle?.lockfile,
      wish.frozen,
    );
    const draft = draftOf(unpacked, acquired.integrity, acquired.source, dependencies);
    if (before !== undefined && differingKeys(before, draft).length === 0) {
      // The same bytes from another place: the lock stays as it was reviewed.
      return await installPinned(context, lock, id, wish.frozen);
    }
    if (wish.frozen) throw lockMismatch(id, before, draft);
    const answer = await context.consent(unpacked.manifest);
    if (answer.kind === 'refused' && before === undefined) throw answer.error;
    return await finish(context, lock, unpacked, draft, dependencies, answer);
  } finally {
    await rm(acquired.directory, { recursive: true, force: true });
  }
}

/**
 * The same bytes as they are locked; undefined when this host reads something else in them than the one that locked them
 * (it knows of more to consent to), and may lock that.
 */
async function asLocked(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  frozen: boolean,
): Promise<InstallResult | undefined> {
  try {
    return await installPinned(context, lock, id, frozen);
  } catch (error) {
    if (frozen || !isBulkheadError(error) || error.code !== ErrorCode.MANIFEST_MISMATCH) throw error;
    return undefined;
  }
}

/** Builds, or finds again, what was decided, and makes it current unless nobody agreed. */
async function finish(
  context: InstallContext,
  lock: PluginsLock,
  unpacked: PluginPackage,
  draft: EntryDraft,
  dependencies: Dependencies | undefined,
  answer: ConsentAnswer,
): Promise<InstallResult> {
  const { id } = unpacked.manifest;
  const sdk = draft.sdk === 'host' ? await context.sdk() : undefined;
  const pin = sdk === undefined ? lock.sdk : { version: sdk.version, integrity: sdk.integrity };
  const withSdk = (plugins: PluginsLock['plugins']): PluginsLock => ({
    ...(pin === undefined ? {} : { sdk: pin }),
    plugins,
  });
  const kept = await findDraft(context, withSdk(lock.plugins), id, draft);
  const built = kept ?? (await buildEnvironment(context, unpacked, draft, dependencies));
  const before = await readCurrent(context.pluginsDir, id);
  if (answer.kind === 'refused') {
    const waiting = await resultOf(context, id, built.folder, 'waiting', before);
    return { ...waiting, reason: answer.error.message };
  }
  const entry: LockEntry = { ...built.entry, source: draft.source };
  await commit(context, withSdk({ ...lock.plugins, [id]: entry }), [
    { id, folder: built.folder, lockfile: dependencies?.text ?? null },
  ]);
  await answer.record();
  await pruneEnvironments(context.pluginsDir, id);
  const status = kept === undefined ? 'built' : before === built.folder ? 'current' : 'activated';
  return resultOf(context, id, built.folder, status, before);
}
