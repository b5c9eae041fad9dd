import { DatabaseSync } from 'node:sqlite';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isRawNumber, parseJson, type JsonValue } from '@bulkhead/proto/json';
import type { QueryResult } from '../query.js';
import { RowCollector } from '../row-json.js';
import type { Question, SqliteSettings } from './messages.js';
import type { Session } from './session.js';
import { assertOnlyOpen, openFiles, resolveSqliteFile } from './sqlite-file.js';

/** How long a statement waits for whoever writes the file, in milliseconds. */
const BUSY_TIMEOUT_MS = 1_000;
/** What SQLite may take for itself: a row, what is sorted, its cache. */
const MAX_HEAP_BYTES = 64 * 1024 * 1024;
/** SQLITE_NOMEM. */
const OUT_OF_MEMORY = 7;

interface OpenFile {
  readonly db: DatabaseSync;
  /** @throws QUERY_FAILED when something else was opened */
  assertOwn(): void;
}

export function openSqliteSession(settings: SqliteSettings): Session {
  let opened: OpenFile | undefined;
  return {
    answer(question, text) {
      const file = (opened ??= openFile(settings));
      try {
        const result = run(file.db, question, bindable(parseJson(text)));
        try {
          // Its log is opened with the first query only.
          file.assertOwn();
        } catch (error) {
          opened = undefined;
          file.db.close();
          throw error;
        }
        return result;
      } catch (error) {
        if (error instanceof Error && 'errcode' in error && error.errcode === OUT_OF_MEMORY)
          throw new BulkheadError(
            ErrorCode.QUOTA_EXCEEDED,
            `the query needs more than ${String(MAX_HEAP_BYTES)} bytes of memory; ask for less`,
          );
        throw error;
      }
    },
  };
}

function openFile({ path, readOnly, folders }: SqliteSettings): OpenFile {
  const before = openFiles();
  const real = resolveSqliteFile(path, folders);
  const db = new DatabaseSync(real, { readOnly, timeout: BUSY_TIMEOUT_MS });
  try {
    assertOnlyOpen(real, before);
    db.exec(`PRAGMA hard_heap_limit = ${String(MAX_HEAP_BYTES)}; PRAGMA temp_store = MEMORY`);
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    db,
    assertOwn: () => {
      assertOnlyOpen(real, before);
    },
  };
}

function run(db: DatabaseSync, { sql, maxRows }: Question, values: readonly SqliteValue[]): QueryResult {
  const before = totalChanges(db);
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  const collector = new RowCollector(maxRows);
  let columns: readonly string[] = [];
  for (const row of statement.iterate(...values)) {
    if (columns.length === 0) columns = Object.keys(row);
    if (!collector.add(row)) break;
  }
  return {
    columns,
    rowsJson: collector.rows,
    truncated: collector.truncated,
    changedRows: totalChanges(db) - before,
  };
}

function totalChanges(db: DatabaseSync): number {
  return Number(db.prepare('SELECT total_changes() AS changes').get()?.['changes'] ?? 0);
}

type SqliteValue = null | number | bigint | string;

/** What the host let through. */
function bindable(parameters: JsonValue): readonly SqliteValue[] {
  if (!Array.isArray(parameters)) return [];
  return parameters.flatMap((value: JsonValue): SqliteValue[] => {
    if (value === null || typeof value === 'string' || typeof value === 'number') return [value];
    if (typeof value === 'boolean') return [value ? 1 : 0];
    if (!isRawNumber(value)) return [];
    return [/^-?\d+$/.test(value.rawJSON) ? BigInt(value.rawJSON) : Number(value.rawJSON)];
  });
}
