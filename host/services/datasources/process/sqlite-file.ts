import { fstatSync, lstatSync, readdirSync, readlinkSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** Where SQLite files may lie, as an operator wrote it; absolute. */
export interface SqliteFolders {
  /** Of the host's own data directory the one folder that is for data sources. */
  readonly own: string;
  readonly listed: readonly string[];
  /** The host's own state: nothing in or below these is opened, but what lies in `own`. */
  readonly closed: readonly string[];
}

/**
 * The real path of a file that lies directly in a folder that is open. Not deeper: whoever may write in a folder could put
 * another one in the place of one below it, while the file and its log are opened by their path.
 *
 * @throws QUERY_FAILED, the same whether such a file is there or not
 */
export function resolveSqliteFile(path: string, folders: SqliteFolders): string {
  const real = realPath(path);
  const stat = real === undefined ? undefined : statOf(real);
  if (real === undefined || stat === undefined || !openFolders(folders).includes(dirname(real))) {
    throw failed(
      `'${path}' is not there, or not directly in a folder that is open to data sources: put it into ${folders.own}, or list its folder in datasources.sqlite_folders of bulkhead.yaml`,
    );
  }
  if (!stat.isFile()) throw failed(`'${path}' is no file`);
  // Another name may lie anywhere, in the host's own folder too.
  if (stat.nlink > 1) throw failed(`'${path}' has other names (hard links), and is not opened`);
  return real;
}

function openFolders({ own, listed, closed }: SqliteFolders): readonly string[] {
  const closedReal = closed.map((folder) => realPath(folder) ?? folder);
  const isClosed = (folder: string): boolean =>
    closedReal.some((one) => folder === one || folder.startsWith(one.endsWith(sep) ? one : `${one}${sep}`));
  const ownParent = realPath(dirname(own));
  const ownReal = realPath(own);
  return [
    ...(ownReal !== undefined && ownParent !== undefined && ownReal === join(ownParent, basename(own))
      ? [ownReal]
      : []),
    ...listed.flatMap((folder) => realPath(folder) ?? []).filter((folder) => !isClosed(folder)),
  ];
}

/** What SQLite opens beside a file. */
const BESIDE = ['', '-wal', '-shm', '-journal'] as const;
const DESCRIPTORS = '/proc/self/fd';

/**
 * Holds what this process has open against what it was to open: between the look at a path and the opening of it somebody
 * may have put something else there. Tells nothing where the system has no /proc.
 *
 * @param real what `resolveSqliteFile` gave
 * @param before files that were open already: `openFiles()`
 * @throws QUERY_FAILED
 */
export function assertOnlyOpen(real: string, before: ReadonlySet<string>): void {
  const allowed = new Set(BESIDE.map((suffix) => `${real}${suffix}`));
  for (const { identity, path, stat } of descriptors()) {
    if (before.has(identity)) continue;
    if (!allowed.has(path.replace(/ \(deleted\)$/, '')) || stat.nlink > 1)
      throw failed('the file of the data source was replaced while it was opened; ask again');
  }
}

/** The files that this process has open, by device and number. */
export function openFiles(): ReadonlySet<string> {
  return new Set(descriptors().map(({ identity }) => identity));
}

function descriptors(): readonly {
  readonly identity: string;
  readonly path: string;
  readonly stat: Stats;
}[] {
  let names: readonly string[];
  try {
    names = readdirSync(DESCRIPTORS);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      const stat = fstatSync(Number(name));
      if (!stat.isFile()) return [];
      const identity = `${String(stat.dev)}:${String(stat.ino)}`;
      return [{ identity, path: readlinkSync(join(DESCRIPTORS, name)), stat }];
    } catch {
      // The one with which the folder was listed is closed by now.
      return [];
    }
  });
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function failed(message: string): BulkheadError {
  return new BulkheadError(ErrorCode.QUERY_FAILED, message);
}
