import { sql, type Compilable, type ExpressionBuilder, type Kysely, type OnConflictDatabase } from 'kysely';
import { KvEncoding } from '@bulkhead/proto/host';
import type { Database } from '../../store/database.js';
import type { KvTable } from '../../store/tables/kv.js';
import { toColumns, type KvValue } from './kv-value.js';

type Db = Kysely<Database>;
type Written = Pick<KvTable, 'version' | 'size' | 'replaced_size'>;
type Query<Row> = Compilable<Row> & { execute(): Promise<Row[]> };

export interface Write extends KvValue {
  readonly entry: string;
  readonly key: string;
  readonly expiresAt: number | null;
  /** Taken when the key is new, or lower than it; otherwise the next after the key's own. */
  readonly version: number;
}

/** What a key and its value count against the quota, in bytes. */
export function sizeOf(key: string, value: Uint8Array): number {
  return Buffer.byteLength(key) + value.length;
}

export function setStatement(db: Db, write: Write): Query<Written> {
  return db
    .insertInto('kv')
    .values(newRow(write))
    .onConflict((conflict) => conflict.columns(['entry', 'key']).doUpdateSet(replaced))
    .returning(['version', 'size', 'replaced_size']);
}

/** Sets a key that is not there, or has expired. No row comes back when it is there. */
export function createStatement(db: Db, write: Write, nowMs: number): Query<Written> {
  return db
    .insertInto('kv')
    .values(newRow(write))
    .onConflict((conflict) =>
      conflict.columns(['entry', 'key']).doUpdateSet(replaced).where('kv.expires_at', '<=', nowMs),
    )
    .returning(['version', 'size', 'replaced_size']);
}

/** Sets a key that has this version. No row comes back when it has another, or has expired. */
export function swapStatement(db: Db, write: Write, expected: number, nowMs: number): Query<Written> {
  const { entry, key, expiresAt, version } = write;
  return db
    .updateTable('kv')
    .set((eb) => ({
      ...toColumns(write),
      expires_at: expiresAt,
      replaced_size: eb.ref('size'),
      size: sizeOf(key, write.value),
      version: Math.max(version, expected + 1),
    }))
    .where('entry', '=', entry)
    .where('key', '=', key)
    .where('version', '=', expected)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', nowMs)]))
    .returning(['version', 'size', 'replaced_size']);
}

export function deleteStatement(
  db: Db,
  entry: string,
  key: string,
): Query<Pick<KvTable, 'size' | 'expires_at'>> {
  return db
    .deleteFrom('kv')
    .where('entry', '=', entry)
    .where('key', '=', key)
    .returning(['size', 'expires_at']);
}

/** Adds to a number. No row comes back when the value is none, or the sum would be too large to be kept exactly. */
export function incrementStatement(
  db: Db,
  write: Omit<Write, keyof KvValue>,
  by: number,
  nowMs: number,
): Query<Written & Pick<KvTable, 'number'>> {
  const { entry, key, expiresAt, version } = write;
  const expired = sql<boolean>`kv.expires_at <= ${nowMs}`;
  return db
    .insertInto('kv')
    .values({
      entry,
      key,
      version,
      expires_at: expiresAt,
      size: Buffer.byteLength(key) + NUMBER_BYTES,
      replaced_size: null,
      encoding: KvEncoding.KV_ENCODING_JSON,
      number: by,
      value: null,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['entry', 'key'])
        .doUpdateSet((eb) => ({
          number: sql<number>`case when ${expired} then excluded.number else kv.number + excluded.number end`,
          expires_at: sql<
            number | null
          >`case when ${expired} then excluded.expires_at else kv.expires_at end`,
          version: nextVersion,
          size: eb.ref('excluded.size'),
          replaced_size: eb.ref('kv.size'),
          encoding: eb.ref('excluded.encoding'),
          value: null,
        }))
        .where((eb) =>
          eb.or([
            expired,
            sql<boolean>`kv.number + excluded.number between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`,
          ]),
        ),
    )
    .returning(['version', 'size', 'replaced_size', 'number']);
}

/** What a number counts as, however many digits it has. */
export const NUMBER_BYTES = 8;

/** Grows with each write of a key. */
const nextVersion = sql<number>`case when excluded.version > kv.version then excluded.version else kv.version + 1 end`;

function newRow(write: Write) {
  const { entry, key, expiresAt, version } = write;
  return {
    entry,
    key,
    version,
    expires_at: expiresAt,
    size: sizeOf(key, write.value),
    replaced_size: null,
    ...toColumns(write),
  };
}

function replaced(eb: ExpressionBuilder<OnConflictDatabase<Database, 'kv'>, 'kv' | 'excluded'>) {
  return {
    version: nextVersion,
    expires_at: eb.ref('excluded.expires_at'),
    size: eb.ref('excluded.size'),
    replaced_size: eb.ref('kv.size'),
    encoding: eb.ref('excluded.encoding'),
    number: eb.ref('excluded.number'),
    value: eb.ref('excluded.value'),
  };
}
