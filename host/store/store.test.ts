import { setImmediate as turn } from 'node:timers/promises';
import { ErrorCode } from '@bulkhead/proto';
import { sql, type Transaction } from 'kysely';
import { expect, it } from 'vitest';
import type { Database } from './database.js';
import { describeEachStore } from './each-store.test-support.js';
import type { Store } from './store.js';
import { isUniqueViolation } from './unique-violation.js';

interface Row {
  readonly id: string;
  readonly n: number;
}

async function withTable(store: Store): Promise<Store> {
  await sql`create table things (id text primary key, n bigint not null)`.execute(store.db);
  return store;
}

const insert = (id: string, n = 0) => sql`insert into things (id, n) values (${id}, ${n})`;
const add = (id: string) => sql`update things set n = n + 1 where id = ${id}`;

async function rowsOf(store: Store): Promise<readonly Row[]> {
  return (await sql<Row>`select id, n from things order by id`.execute(store.db)).rows;
}

describeEachStore('a store', (the) => {
  it('keeps what was written, for whoever opens it next', async () => {
    const store = await withTable(await the.open());
    await insert('a', 9_007_199_254_740_991).execute(store.db);
    await store.close();
    expect(await rowsOf(await the.open())).toEqual([{ id: 'a', n: 9_007_199_254_740_991 }]);
  });

  it('reads whole numbers as numbers, and bytes as bytes', async () => {
    const store = await the.open();
    const type = sql.raw(the.engine === 'sqlite' ? 'blob' : 'bytea');
    await sql`create table blobs (id text primary key, body ${type})`.execute(store.db);
    const body = new Uint8Array([0, 1, 255]);
    await sql`insert into blobs (id, body) values ('a', ${body})`.execute(store.db);
    const { rows } = await sql`select body, count(*) as n, sum(7) as total from blobs group by body`.execute(
      store.db,
    );
    expect(rows).toEqual([{ body, n: 1, total: 7 }]);
  });

  it('tells how many rows a change touched', async () => {
    const store = await withTable(await the.open());
    await insert('a').execute(store.db);
    expect((await add('a').execute(store.db)).numAffectedRows).toBe(1n);
    expect((await add('b').execute(store.db)).numAffectedRows).toBe(0n);
  });

  it('answers the rows of a change that returns some', async () => {
    const store = await withTable(await the.open());
    const { rows } = await sql`insert into things (id, n) values ('a', 1) returning id, n`.execute(store.db);
    expect(rows).toEqual([{ id: 'a', n: 1 }]);
  });

  it('lets each of many that come at once succeed or fail alone', async () => {
    const store = await withTable(await the.open());
    await insert('taken').execute(store.db);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) =>
        insert(index % 2 === 0 ? `new ${index}` : 'taken').execute(store.db),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(
      outcomes.map((_, index) => (index % 2 === 0 ? 'fulfilled' : 'rejected')),
    );
    expect(await rowsOf(store)).toHaveLength(101);
  });

  it('tells a key that is taken', async () => {
    const store = await withTable(await the.open());
    await insert('a').execute(store.db);
    const error: unknown = await insert('a')
      .execute(store.db)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: ErrorCode.ALREADY_EXISTS });
    expect(isUniqueViolation(error)).toBe(true);
    const other: unknown = await sql`insert into things (id) values ('b')`
      .execute(store.db)
      .catch((thrown: unknown) => thrown);
    expect(other).toMatchObject({ code: ErrorCode.INTERNAL });
    expect(isUniqueViolation(other)).toBe(false);
  });

  it('lets a batch stand or fall together', async () => {
    const store = await withTable(await the.open());
    const compile = (query: ReturnType<typeof insert>) => ({ compile: () => query.compile(store.db) });
    const results = await store.batch([compile(insert('a')), compile(add('a')), compile(add('none'))]);
    expect(results.map(({ numAffectedRows }) => numAffectedRows)).toEqual([1n, 1n, 0n]);
    await expect(store.batch([compile(insert('b')), compile(insert('a'))])).rejects.toSatisfy(
      isUniqueViolation,
    );
    expect(await rowsOf(store)).toEqual([{ id: 'a', n: 1 }]);
  });

  it('undoes a transaction whose work throws', async () => {
    const store = await withTable(await the.open());
    await expect(
      store.transaction(async (trx) => {
        await insert('a').execute(trx);
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await rowsOf(store)).toEqual([]);
  });

  it('spoils a whole transaction by a query that fails in it, even one that was caught', async () => {
    const store = await withTable(await the.open());
    await insert('a').execute(store.db);
    const work = store.transaction(async (trx) => {
      await insert('b').execute(trx);
      await insert('a')
        .execute(trx)
        .catch(() => undefined);
      await insert('c')
        .execute(trx)
        .catch(() => undefined);
    });
    await expect(work).rejects.toThrow();
    expect(await rowsOf(store)).toEqual([{ id: 'a', n: 0 }]);
  });

  it('says how a transaction ended before its caller hears of it, and not after', async () => {
    const store = await the.open();
    const said: string[] = [];
    let over: Transaction<Database> | undefined;
    const listen = (trx: Transaction<Database>): void => {
      over = trx;
      store.onEnd(trx, (end) => said.push(end));
    };
    await store
      .transaction(async (trx) => {
        listen(trx);
        await Promise.resolve();
      })
      .then(() => said.push('heard'));
    const failing = store.transaction(async (trx) => {
      listen(trx);
      await Promise.reject(new Error('no'));
    });
    await failing.catch(() => said.push('heard'));
    expect(said).toEqual(['committed', 'heard', 'undone', 'heard']);
    expect(() => {
      if (over !== undefined) listen(over);
    }).toThrow('that is open');
  });

  it('runs transactions that meet as if one came after the other, on two hosts', async () => {
    const [one, two] = [await withTable(await the.open()), await the.open()];
    await insert('a').execute(one.db);
    const readAndAdd = (store: Store): Promise<unknown> =>
      store.transaction(async (trx) => {
        const { rows } = await sql<Row>`select id, n from things where id = 'a'`.execute(trx);
        await sql`update things set n = ${(rows[0]?.n ?? 0) + 1} where id = 'a'`.execute(trx);
      });
    await Promise.all(Array.from({ length: 10 }, (_, index) => readAndAdd(index % 2 === 0 ? one : two)));
    expect(await rowsOf(two)).toEqual([{ id: 'a', n: 10 }]);
  });

  it('counts increments of two hosts together', async () => {
    const [one, two] = [await withTable(await the.open()), await the.open()];
    await insert('a').execute(one.db);
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => add('a').execute((index % 2 === 0 ? one : two).db)),
    );
    expect(await rowsOf(one)).toEqual([{ id: 'a', n: 100 }]);
  });

  it('reads while a transaction is open, and does not see its half', async () => {
    const store = await withTable(await the.open());
    await store.transaction(async (trx) => {
      await insert('a').execute(trx);
      expect(await rowsOf(store)).toEqual([]);
    });
    expect(await rowsOf(store)).toHaveLength(1);
  });

  it('says what it is told to whoever listens', async () => {
    const store = await the.open();
    const heard: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = store.listen('changes', (payload) => {
      heard.push(payload);
      if (heard.length === 2) resolve();
    });
    await store.notify('changes', 'one');
    await store.notify('others', 'not for us');
    await store.notify('changes', 'two');
    await promise;
    stop();
    expect(heard).toEqual(['one', 'two']);
  });

  it('refuses a notification that PostgreSQL could not carry', async () => {
    const store = await the.open();
    await expect(store.notify('changes', 'x'.repeat(8_000))).rejects.toMatchObject({
      code: ErrorCode.INTERNAL,
    });
    await expect(store.notify('Changes; drop', 'x')).rejects.toMatchObject({ code: ErrorCode.INTERNAL });
  });

  it('finishes what is under way when it is closed, and takes nothing after', async () => {
    const store = await withTable(await the.open());
    const writes = Array.from({ length: 50 }, (_, index) => insert(`id ${index}`).execute(store.db));
    await turn();
    await Promise.all([...writes, store.close()]);
    await expect(insert('late').execute(store.db)).rejects.toMatchObject({
      code: ErrorCode.STORE_UNAVAILABLE,
    });
    await expect(rowsOf(store)).rejects.toMatchObject({ code: ErrorCode.STORE_UNAVAILABLE });
    await expect(store.transaction(() => Promise.resolve())).rejects.toMatchObject({
      code: ErrorCode.STORE_UNAVAILABLE,
    });
    expect(await rowsOf(await the.open())).toHaveLength(50);
  });
});
