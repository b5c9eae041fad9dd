// Runs in a worker thread: a query may take long, and only ending its thread ends it.
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { isBulkheadError, type ErrorCode } from '@bulkhead/proto';
import type { QueryResult } from './query.js';
import { RowCollector } from './row-json.js';

export interface SqliteSettings {
  readonly path: string;
  readonly readOnly: boolean;
}

export interface SqliteAsk {
  readonly sql: string;
  readonly parameters: readonly SqliteValue[];
  readonly maxRows: number;
}

export type SqliteValue = null | number | bigint | string;

export type SqliteAnswer =
  | { readonly ok: true; readonly result: QueryResult }
  | { readonly ok: false; readonly message: string; readonly code?: ErrorCode };

/** How long a statement waits for whoever writes the file, in milliseconds. */
const BUSY_TIMEOUT_MS = 1_000;

let opened: DatabaseSync | undefined;

function database(): DatabaseSync {
  const { path, readOnly } = workerData as SqliteSettings;
  opened ??= new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS });
  return opened;
}

function totalChanges(db: DatabaseSync): number {
  return Number(db.prepare('SELECT total_changes() AS changes').get()?.['changes'] ?? 0);
}

function answer({ sql, parameters, maxRows }: SqliteAsk): SqliteAnswer {
  try {
    const db = database();
    const before = totalChanges(db);
    const statement = db.prepare(sql);
    statement.setReadBigInts(true);
    const collector = new RowCollector(maxRows);
    let columns: readonly string[] = [];
    for (const row of statement.iterate(...parameters)) {
      if (columns.length === 0) columns = Object.keys(row);
      if (!collector.add(row)) break;
    }
    return {
      ok: true,
      result: {
        columns,
        rowsJson: collector.rows,
        truncated: collector.truncated,
        changedRows: totalChanges(db) - before,
      },
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, message, ...(isBulkheadError(error) ? { code: error.code } : {}) };
  }
}

parentPort?.on('message', (ask: SqliteAsk) => {
  parentPort?.postMessage(answer(ask));
});
