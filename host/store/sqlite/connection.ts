import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Result, Statement, Value, WorkerSettings } from './messages.js';

/** How long a statement waits for another process that writes, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;
/** Prepared statements that are kept; the ones used longest ago go first. */
const MAX_STATEMENTS = 512;
/** A log that grew past this is cut back, in bytes. */
const MAX_LOG_BYTES = 64 * 1024 * 1024;

/** One connection, inside a worker: everything here waits for the disk. */
export interface Connection {
  exec(sql: string): void;
  run(statement: Statement): Result<object>;
  close(): void;
}

export function openConnection({ path, role }: WorkerSettings): Connection {
  const db = new DatabaseSync(path);
  const statements = new Map<string, StatementSync>();
  try {
    // As statements, because older Node 22 has no option for some of them.
    db.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}`);
    db.exec('PRAGMA journal_mode=WAL');
    db.exec(`PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF`);
    db.exec(`PRAGMA journal_size_limit=${MAX_LOG_BYTES}`);
    if (role === 'read') db.exec('PRAGMA query_only=ON');
  } catch (error) {
    db.close();
    throw error;
  }
  const prepare = (sql: string): StatementSync => {
    const kept = statements.get(sql);
    if (kept !== undefined) {
      statements.delete(sql);
      statements.set(sql, kept);
      return kept;
    }
    const made = db.prepare(sql);
    statements.set(sql, made);
    const [oldest] = statements.keys();
    if (statements.size > MAX_STATEMENTS && oldest !== undefined) statements.delete(oldest);
    return made;
  };
  return {
    exec: (sql) => {
      db.exec(sql);
    },
    run({ sql, parameters, rows }) {
      const statement = prepare(sql);
      const bound = parameters.map(toInteger);
      if (rows) return { rows: statement.all(...bound) };
      const { changes, lastInsertRowid } = statement.run(...bound);
      return { changes: BigInt(changes), lastId: BigInt(lastInsertRowid) };
    },
    close: () => {
      statements.clear();
      db.close();
    },
  };
}

/** Node binds every number as a float; SQLite would then divide and print whole numbers as such. */
function toInteger(value: Value): Value {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
