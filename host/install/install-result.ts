import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseDependencyLockfile } from './dependency-lockfile.js';
import { environmentPath, readRecord, type EnvironmentRecord } from './environment.js';
import type { InstallContext } from './install-context.js';
import { registriesOf } from './pinned-lockfile.js';

/** What became of one plugin. */
export interface InstallResult {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /**
   * `current`: nothing to do. `activated`: an environment that was there is current again. `built`: made anew.
   * `waiting`: it is built, asks for more than was granted, and the version before it serves on.
   */
  readonly status: 'current' | 'activated' | 'built' | 'waiting';
  /** The environment, absolute. */
  readonly path: string;
  /** The version that was current before, when it was another one. */
  readonly previous?: string;
  /** What it asked for. */
  readonly permissions: readonly string[];
  /** Dependencies in its graph. */
  readonly packages: number;
  /** Why it waits, or why it will not start yet. */
  readonly reason?: string;
}

/** As {@link result}, of an environment that was just placed. @throws FILE_MISSING */
export async function resultOf(
  context: InstallContext,
  id: string,
  folder: string,
  status: InstallResult['status'],
  before: string | undefined,
): Promise<InstallResult> {
  const record = await readRecord(context.pluginsDir, id, folder);
  if (record === undefined)
    throw new BulkheadError(
      ErrorCode.FILE_MISSING,
      `${id}: the environment ${folder} went away while it was installed.`,
    );
  return result(context, record, status, before);
}

export async function result(
  context: InstallContext,
  record: EnvironmentRecord,
  status: InstallResult['status'],
  before: string | undefined,
): Promise<InstallResult> {
  const { id, entry, folder } = record;
  const old =
    before === undefined || before === folder
      ? undefined
      : (await readRecord(context.pluginsDir, id, before))?.entry.version;
  const graph =
    record.lockfile === undefined
      ? []
      : parseDependencyLockfile(record.lockfile, id, await registriesOf(context, record.lockfile)).packages;
  return {
    id,
    name: entry.name,
    version: entry.version,
    status,
    path: environmentPath(context.pluginsDir, id, folder),
    permissions: entry.permissions,
    packages: graph.length,
    ...(old === undefined ? {} : { previous: old }),
  };
}
