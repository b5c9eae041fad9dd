import { lstat, mkdir, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { Store } from '../store/store.js';
import { parseGrantFile } from './grant-file.js';
import { toRow } from './grant-row.js';

const OTHERS_MAY_WRITE = 0o022;
const FILE = /^([A-Za-z0-9][A-Za-z0-9._-]*)\.json$/;

/**
 * Takes decisions that an older release kept in `<dataDir>/grants/<id>.json` into the store, once: each file moves to
 * `taken-over/` beside them. One that cannot be believed stays, and decides nothing.
 *
 * @returns for each plugin whose file stayed, why
 */
export async function takeOverGrantFiles(
  store: Store,
  dataDir: string,
): Promise<ReadonlyMap<string, BulkheadError>> {
  const folder = join(dataDir, 'grants');
  const faults = new Map<string, BulkheadError>();
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const id = FILE.exec(name)?.[1];
    if (id === undefined) continue;
    const file = join(folder, name);
    try {
      const grants = parseGrantFile(await readOwn(file), id, file);
      await store.transaction(async (trx) => {
        const known = await trx
          .selectFrom('grants')
          .select('id')
          .where('plugin_id', '=', id)
          .limit(1)
          .execute();
        if (known.length > 0) return;
        for (const grant of grants) await trx.insertInto('grants').values(toRow(id, grant)).execute();
      });
    } catch (error) {
      if (!isBulkheadError(error) || error.code !== ErrorCode.GRANT_INVALID) throw error;
      faults.set(id, error);
      continue;
    }
    await mkdir(join(folder, 'taken-over'), { recursive: true, mode: 0o700 });
    await rename(file, join(folder, 'taken-over', name)).catch((error: unknown) => {
      // Another process of this host was faster.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    });
  }
  return faults;
}

/** A file that somebody else may have written decides nothing. */
async function readOwn(file: string): Promise<string> {
  const info = await lstat(file);
  const uid = process.getuid?.();
  if (
    !info.isFile() ||
    (info.mode & OTHERS_MAY_WRITE) !== 0 ||
    (uid !== undefined && ![uid, 0].includes(info.uid))
  ) {
    throw new BulkheadError(
      ErrorCode.GRANT_INVALID,
      `${file}: expected a file of this user that nobody else may write. Look who changed it, then: chmod 600 '${file}'`,
    );
  }
  return readFile(file, 'utf8');
}
