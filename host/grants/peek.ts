import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { assertPluginId, toGrant } from './grant-row.js';
import type { Grant } from './grant.js';

/**
 * Every decision about a plugin, straight from the SQLite file: for a command line that has little else to do, opening
 * the store properly would take longer than its whole work. Waits for the disk; not for a daemon.
 *
 * @returns oldest first; undefined when the store must be opened properly: there is none yet, or it is an older one
 * @throws GRANT_INVALID
 */
export function peekDecisions(path: string, id: string): readonly Grant[] | undefined {
  assertPluginId(id);
  if (!existsSync(path)) return undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    const rows = db.prepare(QUERY).all(id);
    return rows.map((row) =>
      toGrant({
        plugin_id: id,
        plugin_version: String(row['plugin_version']),
        asked: String(row['asked']),
        granted: String(row['granted']),
        decided_by: String(row['decided_by']),
        decided_at: Number(row['decided_at']),
      }),
    );
  } catch (error) {
    if (error instanceof Error && 'errcode' in error) return undefined;
    throw error;
  } finally {
    db?.close();
  }
}

const QUERY =
  'select plugin_version, asked, granted, decided_by, decided_at from grants where plugin_id = ? order by id';
