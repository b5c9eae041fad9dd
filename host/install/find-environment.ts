import { ErrorCode, type Problem } from '@bulkhead/proto';
import type { EntryDraft } from './build-environment.js';
import {
  folderName,
  readCurrent,
  readRecord,
  readRecords,
  treeOf,
  type EnvironmentRecord,
} from './environment.js';
import type { InstallContext } from './install-context.js';
import { differingKeys } from './lock-diff.js';
import type { LockEntry, PluginsLock } from './lock-file.js';
import { entryOf } from './locked-entries.js';
import { readPinnedLockfile } from './pinned-lockfile.js';
import { checkRecord } from './verify-environment.js';

/** An environment that is there, pinned by the same entry, and verifies. */
export async function findRecord(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  entry: LockEntry,
): Promise<EnvironmentRecord | undefined> {
  const current = await readCurrent(context.pluginsDir, id);
  const records = (await readRecords(context.pluginsDir, id)).filter((record) => isOf(record, lock, entry));
  for (const record of records.toSorted(
    (a, b) => Number(b.folder === current) - Number(a.folder === current),
  )) {
    if ((await checkRecord(context, record)).length === 0) return record;
  }
  return undefined;
}

/** An environment that is there and is what would be built. */
export async function findDraft(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  draft: EntryDraft,
): Promise<{ readonly folder: string; readonly entry: LockEntry } | undefined> {
  for (const record of await readRecords(context.pluginsDir, id)) {
    const entry = { ...record.entry, source: draft.source };
    if (differingKeys(entry, draft).length > 0) continue;
    const found = await findRecord(context, lock, id, record.entry);
    if (found !== undefined) return { folder: found.folder, entry };
  }
  return undefined;
}

/** Whether the current environment is the one that the lock pins; its files are not looked at. */
export async function isThere(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
  entry: LockEntry,
): Promise<boolean> {
  const current = await readCurrent(context.pluginsDir, id);
  const record = current === undefined ? undefined : await readRecord(context.pluginsDir, id, current);
  return record !== undefined && isOf(record, lock, entry);
}

/** The environment that runs, held against the lock. */
export async function currentOf(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
): Promise<{ readonly record?: EnvironmentRecord; readonly faults: readonly Problem[] }> {
  const entry = entryOf(lock, id);
  await readPinnedLockfile(context, id, entry);
  const folder = await readCurrent(context.pluginsDir, id);
  const record = folder === undefined ? undefined : await readRecord(context.pluginsDir, id, folder);
  if (record === undefined || !isOf(record, lock, entry)) {
    const message = `${id} ${entry.version} is locked and not installed. Run: bulkhead plugin install`;
    return { faults: [{ code: ErrorCode.LOCK_MISMATCH, message }] };
  }
  return { record, faults: await checkRecord(context, record) };
}

/** Whether an environment is the one of an entry, on this Node, platform and SDK. */
export function isOf(record: EnvironmentRecord, lock: PluginsLock, entry: LockEntry): boolean {
  return (
    record.folder.replace(/\.\d+$/, '') === folderName(entry, lock.sdk) &&
    differingKeys(record.entry, entry).length === 0 &&
    treeOf(record.entry) === treeOf(entry)
  );
}
