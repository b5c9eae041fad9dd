import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { environmentPath, readCurrent, readRecords, type EnvironmentRecord } from './environment.js';
import { isOf } from './find-environment.js';
import type { InstallContext } from './install-context.js';
import { result, type InstallResult } from './install-result.js';
import type { PluginsLock } from './lock-file.js';
import { commit, entryOf } from './locked-entries.js';
import { checkRecord } from './verify-environment.js';

/** Back to the newest earlier environment that still verifies, by one swap. @throws NOT_LOCKED, NO_EARLIER_VERSION, GRANT_MISSING */
export async function rollback(
  context: InstallContext,
  lock: PluginsLock,
  id: string,
): Promise<InstallResult> {
  const now = entryOf(lock, id);
  const { pluginsDir } = context;
  const current = await readCurrent(pluginsDir, id);
  const records = await readRecords(pluginsDir, id);
  const at = records.findIndex(({ folder }) => folder === current);
  // One for another Node, platform or SDK would be made anew at the next start, and its source may have moved on.
  const fits = (record: EnvironmentRecord): boolean =>
    isOf(record, lock, record.entry) && record.entry.integrity !== now.integrity;
  for (const record of records.slice(at + 1).filter(fits)) {
    if ((await checkRecord(context, record)).length > 0) continue;
    const answer = await context.consent(await manifestOf(context, record));
    if (answer.kind === 'refused') throw answer.error;
    const plugins = { ...lock.plugins, [id]: record.entry };
    await commit(context, { ...lock, plugins }, [
      { id, folder: record.folder, lockfile: record.lockfile ?? null },
    ]);
    await answer.record();
    return result(context, record, 'activated', current);
  }
  throw new BulkheadError(
    ErrorCode.NO_EARLIER_VERSION,
    `${id} has no earlier environment for this Node and platform that still verifies; the current one is ${now.version}. Install the version that you want: bulkhead plugin install <package>@<version>`,
  );
}

/** Read only here, so that whoever installs what is there need not load it. */
async function manifestOf(
  { pluginsDir }: InstallContext,
  { id, folder }: EnvironmentRecord,
): Promise<Parameters<InstallContext['consent']>[0]> {
  const { loadManifest } = await import('../manifest/load-manifest.js');
  return (await loadManifest(environmentPath(pluginsDir, id, folder))).manifest;
}
