import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { FILTER_FIELDS, UNIQUE_FIELD, type ObjectShapes, type ObjectType } from '@bulkhead/proto/rules';
import { sql, type Compilable, type Kysely, type Transaction } from 'kysely';
import type { Database } from '../store/database.js';
import type { ObjectRow } from '../store/tables/objects.js';
import {
  applyNotes,
  credentialsOf,
  filterColumn,
  readNotes,
  readRow,
  rowOf,
  uniqueKeyOf,
  writeRow,
  type NoteChanges,
  type NotesByPlugin,
  type ObjectRecord,
} from './object-rows.js';
import type { ListQuery, ObjectPage } from './objects.js';
import { fittingPage } from './page-bytes.js';
import { readPageToken, writePageToken } from './page-token.js';
import type { Seal } from './seal.js';

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;
const MAX_FILTERS = 20;

type Filter = Readonly<Record<string, string>>;

/** The objects of one type in the store. A transaction is a `db` too. */
export interface ObjectTable<Type extends ObjectType> {
  find(db: Kysely<Database>, id: string): Promise<ObjectRecord<Type> | undefined>;
  findByCredential(db: Kysely<Database>, hash: string): Promise<ObjectRecord<Type> | undefined>;
  list(db: Kysely<Database>, query: ListQuery): Promise<ObjectPage<ObjectShapes[Type]>>;
  count(db: Kysely<Database>, filter: Filter): Promise<number>;
  /** @throws BulkheadError ALREADY_EXISTS when another one has its id, unique field or credential */
  assertFree(db: Kysely<Database>, object: ObjectShapes[Type], idToo: boolean): Promise<void>;
  /** @throws as `assertFree` */
  insert(db: Kysely<Database>, object: ObjectShapes[Type], notes: NotesByPlugin): Promise<void>;
  /** The same for a batch, of an object without secrets; a key that is taken is the store's error. */
  inserting(db: Kysely<Database>, object: ObjectShapes[Type], notes: NotesByPlugin): readonly Compilable[];
  /** Replaces the one with that etag. @returns false when it has another by now @throws as `assertFree` */
  replace(db: Kysely<Database>, etag: string, object: ObjectShapes[Type]): Promise<boolean>;
  /** @returns false when it has another etag by now */
  remove(db: Kysely<Database>, id: string, etag: string): Promise<boolean>;
  /**
   * Changes what plugins noted, in a transaction: nobody else's notes are lost. Notes are no part of what the etag stands for.
   *
   * @returns what is noted now; undefined when there is no such object
   * @throws BulkheadError QUOTA_EXCEEDED when a plugin would keep more than it may
   */
  changeNotes(
    trx: Transaction<Database>,
    id: string,
    changes: NoteChanges,
  ): Promise<NotesByPlugin | undefined>;
}

export function createObjectTable<Type extends ObjectType>(type: Type, seal: Seal): ObjectTable<Type> {
  const read = (row: ObjectRow | undefined): ObjectRecord<Type> | undefined =>
    row === undefined ? undefined : readRow(seal, type, row);

  const conditions = (filter: Filter): readonly NonNullable<ReturnType<typeof filterColumn>>[] => {
    const entries = Object.entries(filter);
    if (entries.length > MAX_FILTERS) throw unknownFilter(type, `at most ${String(MAX_FILTERS)} fields`);
    return entries.map(([field, value]) => {
      const found = FILTER_FIELDS[type].includes(field) ? filterColumn(type, field, value) : undefined;
      if (found === undefined || (field === 'active' && value !== 'true' && value !== 'false'))
        throw unknownFilter(type, `${FILTER_FIELDS[type].join(', ')} (active is true or false)`, field);
      return found;
    });
  };

  const takingCredentials = (db: Kysely<Database>, hashes: readonly string[], id: string) =>
    db.insertInto('object_credentials').values(hashes.map((hash) => ({ type, hash, object_id: id })));

  const takeCredentials = async (db: Kysely<Database>, object: ObjectShapes[Type]): Promise<void> => {
    const hashes = credentialsOf(type, object);
    if (hashes.length === 0) return;
    const taken = await takingCredentials(db, hashes, object.id)
      .onConflict((conflict) => conflict.columns(['type', 'hash']).doNothing())
      .returning('hash')
      .execute();
    if (taken.length < hashes.length) throw credentialTaken(type);
  };

  const dropCredentials = async (db: Kysely<Database>, id: string): Promise<void> => {
    await db.deleteFrom('object_credentials').where('type', '=', type).where('object_id', '=', id).execute();
  };

  const table: ObjectTable<Type> = {
    async find(db, id) {
      return read(
        await db
          .selectFrom('objects')
          .selectAll()
          .where('type', '=', type)
          .where('id', '=', id)
          .executeTakeFirst(),
      );
    },
    async findByCredential(db, hash) {
      return read(
        await db
          .selectFrom('object_credentials as credential')
          .innerJoin('objects', (join) =>
            join
              .onRef('objects.type', '=', 'credential.type')
              .onRef('objects.id', '=', 'credential.object_id'),
          )
          .selectAll('objects')
          .where('credential.type', '=', type)
          .where('credential.hash', '=', hash)
          .executeTakeFirst(),
      );
    },
    async list(db, { filter = {}, pageSize = DEFAULT_PAGE, pageToken }) {
      if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE) {
        throw new BulkheadError(
          ErrorCode.INVALID_ARGUMENT,
          `page_size: expected 1 to ${String(MAX_PAGE)}, got ${String(pageSize)}`,
          { field: 'page_size' },
        );
      }
      let query = db.selectFrom('objects').where('type', '=', type).orderBy('id');
      for (const { column, value } of conditions(filter)) query = query.where(column, '=', value);
      if (pageToken !== undefined) query = query.where('id', '>', readPageToken(pageToken, filter));
      // Sizes first: neither engine reads a large text to say how long it is.
      const sizes = await query
        .select(['id', sql<number | string>`octet_length(data) + octet_length(notes)`.as('bytes')])
        .limit(pageSize + 1)
        .execute();
      const count = fittingPage(sizes.slice(0, pageSize).map(({ bytes }) => Number(bytes)));
      const end = sizes[count - 1];
      if (end === undefined) return { items: [] };
      const rows = await query.selectAll().where('id', '<=', end.id).limit(count).execute();
      const items = rows.map((row) => readRow(seal, type, row).object);
      // Fewer: some have gone meanwhile. As many: one may have come between, and the page ends earlier.
      const last = items.length === count ? (items.at(-1) ?? end) : end;
      return sizes.length <= count && last.id === end.id
        ? { items }
        : { items, nextPageToken: writePageToken(last.id, filter) };
    },
    async count(db, filter) {
      let query = db
        .selectFrom('objects')
        .select(({ fn }) => fn.countAll<number | string | bigint>().as('count'))
        .where('type', '=', type);
      for (const { column, value } of conditions(filter)) query = query.where(column, '=', value);
      return Number((await query.executeTakeFirst())?.count ?? 0);
    },
    async assertFree(db, object, idToo) {
      const { id } = object;
      const key = uniqueKeyOf(type, object);
      if (idToo && (await table.find(db, id)) !== undefined) throw idTaken(type, id);
      const hashes = credentialsOf(type, object);
      const [sameKey, sameCredential] = await Promise.all([
        key === null
          ? undefined
          : db
              .selectFrom('objects')
              .select('id')
              .where('type', '=', type)
              .where('unique_key', '=', key)
              .where('id', '!=', id)
              .executeTakeFirst(),
        hashes.length === 0
          ? undefined
          : db
              .selectFrom('object_credentials')
              .select('object_id')
              .where('type', '=', type)
              .where('hash', 'in', hashes)
              .where('object_id', '!=', id)
              .executeTakeFirst(),
      ]);
      if (sameKey !== undefined) throw keyTaken(type, key ?? '');
      if (sameCredential !== undefined) throw credentialTaken(type);
    },
    async insert(db, object, notes) {
      const row = await writeRow(seal, db, type, object, notes);
      const inserted = await db
        .insertInto('objects')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .returning('id')
        .execute();
      if (inserted.length === 0) {
        await table.assertFree(db, object, true);
        throw idTaken(type, object.id);
      }
      await takeCredentials(db, object);
    },
    inserting(db, object, notes) {
      const hashes = credentialsOf(type, object);
      return [
        db.insertInto('objects').values(rowOf(type, object, notes)),
        ...(hashes.length === 0 ? [] : [takingCredentials(db, hashes, object.id)]),
      ];
    },
    async replace(db, etag, object) {
      await table.assertFree(db, object, false);
      const row = await writeRow(seal, db, type, object, {});
      const { type: _type, id, created_ms: _created, notes: _notes, ...columns } = row;
      const replaced = await db
        .updateTable('objects')
        .set(columns)
        .where('type', '=', type)
        .where('id', '=', id)
        .where('etag', '=', etag)
        .returning('id')
        .execute();
      if (replaced.length === 0) return false;
      await dropCredentials(db, id);
      await takeCredentials(db, object);
      return true;
    },
    async remove(db, id, etag) {
      const removed = await db
        .deleteFrom('objects')
        .where('type', '=', type)
        .where('id', '=', id)
        .where('etag', '=', etag)
        .returning('id')
        .execute();
      if (removed.length === 0) return false;
      await dropCredentials(db, id);
      return true;
    },
    async changeNotes(trx, id, changes) {
      const here = trx.updateTable('objects').where('type', '=', type).where('id', '=', id);
      // Holds the row, so that whoever else changes notes waits.
      const row = await here
        .set((rows) => ({ notes: rows.ref('notes') }))
        .returning('notes')
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const notes = applyNotes(readNotes(row.notes), changes);
      await here.set({ notes: JSON.stringify(notes) }).execute();
      return notes;
    },
  };
  return table;
}

function unknownFilter(type: ObjectType, expected: string, field?: string): BulkheadError {
  const got = field === undefined ? '' : `, got '${field}'`;
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `a list of ${type}s can be filtered by ${expected}${got}`,
    field === undefined ? {} : { field },
  );
}

function idTaken(type: ObjectType, id: string): BulkheadError {
  return new BulkheadError(ErrorCode.ALREADY_EXISTS, `there is a ${type} with the id '${id}' already`, {
    field: 'id',
  });
}

function keyTaken(type: ObjectType, key: string): BulkheadError {
  const field = UNIQUE_FIELD[type] ?? 'id';
  return new BulkheadError(
    ErrorCode.ALREADY_EXISTS,
    `there is a ${type} with the ${field} '${key}' already; choose another one`,
    { field },
  );
}

function credentialTaken(type: ObjectType): BulkheadError {
  return new BulkheadError(
    ErrorCode.ALREADY_EXISTS,
    `a credential that is given belongs to another ${type} already; give each one of its own`,
  );
}
