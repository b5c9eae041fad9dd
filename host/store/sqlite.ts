import { DatabaseSync } from 'node:sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import type { Database } from './database.js';

/** How long a statement waits for another process that writes, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

export function openSqlite(path: string): Kysely<Database> {
  return new Kysely<Database>({
    dialect: new SqliteDialect({
      database: () => {
        const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
        db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON');
        return Promise.resolve({
          close: () => {
            db.close();
          },
          prepare: (sql) => {
            const statement = db.prepare(sql);
            return {
              reader: statement.columns().length > 0,
              all: (parameters) => statement.all(...bound(parameters)),
              iterate: (parameters) => statement.iterate(...bound(parameters)),
              run: (parameters) => statement.run(...bound(parameters)),
            };
          },
        });
      },
    }),
  });
}

type Bound = null | number | bigint | string | Uint8Array;

function bound(parameters: readonly unknown[]): Bound[] {
  return parameters.map((value) => {
    if (value === undefined) return null;
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (value === null || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string')
      return value;
    if (value instanceof Uint8Array) return value;
    throw new TypeError(`expected a value that SQLite keeps, got ${typeof value}`);
  });
}
