import { ErrorCode } from '@bulkhead/proto';
import { sql, type Kysely } from 'kysely';
import { expect, it } from 'vitest';
import type { Database } from './database.js';
import { describeEachStore } from './each-store.test-support.js';
import { migrate } from './migrate.js';
import { MIGRATIONS, type CreateMigration } from './migrations/migrations.js';

const create =
  (table: string): CreateMigration =>
  () => ({
    async up(db: Kysely<Database>) {
      await sql`create table ${sql.table(table)} (id text)`.execute(db);
      await sql`insert into ${sql.table(table)} values ('once')`.execute(db);
    },
  });

describeEachStore('migrations', (the) => {
  it('run once when hosts start together', async () => {
    const stores = await Promise.all([the.open(), the.open(), the.open()]);
    const migrations = { ...MIGRATIONS, '901-first': create('first'), '902-second': create('second') };
    await Promise.all(stores.map(({ db, engine }) => migrate(db, engine, migrations)));
    const { rows } = await sql`select id from second`.execute(stores[0].db);
    expect(rows).toEqual([{ id: 'once' }]);
  });

  it('run in the order of their numbers, also one that a branch brought later', async () => {
    const { db, engine } = await the.open();
    await migrate(db, engine, { ...MIGRATIONS, '902-second': create('second') });
    await migrate(db, engine, {
      ...MIGRATIONS,
      '902-second': create('second'),
      '901-first': create('first'),
    });
    expect((await sql`select id from first`.execute(db)).rows).toHaveLength(1);
  });

  it('leave nothing of a step that fails, and say which', async () => {
    const { db, engine } = await the.open();
    const broken: CreateMigration = () => ({
      up: async (trx: Kysely<Database>) => {
        await sql`create table half (id text)`.execute(trx);
        await sql`nonsense`.execute(trx);
      },
    });
    await expect(
      migrate(db, engine, { ...MIGRATIONS, '901-first': create('first'), '902-broken': broken }),
    ).rejects.toMatchObject({
      code: ErrorCode.STORE_INCOMPATIBLE,
      message: expect.stringContaining('902-broken failed'),
    });
    await expect(sql`select id from first`.execute(db)).rejects.toMatchObject({ code: ErrorCode.INTERNAL });
  });

  it('refuse a store that a newer release wrote', async () => {
    const { db, engine } = await the.open();
    await migrate(db, engine, {
      ...MIGRATIONS,
      '901-first': create('first'),
      '999-future': create('future'),
    });
    await expect(migrate(db, engine, { ...MIGRATIONS, '901-first': create('first') })).rejects.toMatchObject({
      code: ErrorCode.STORE_INCOMPATIBLE,
      message: expect.stringContaining('newer release: it has 999-future'),
    });
  });
});
