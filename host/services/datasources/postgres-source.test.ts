import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonValue } from '@bulkhead/proto/json';
import { systemClock } from '../../clock.js';
import { describeEachStore, type StoreOfTest } from '../../store/each-store.test-support.js';
import { administer } from '../../store/postgres-server.test-support.js';
import { createProcessPool, type ProcessPool } from './process/process-pool.js';
import type { OpenSource, Query } from './query.js';
import { openSqlSource } from './sql-source.js';

describeEachStore('a PostgreSQL data source beside a store', (the) => {
  let pool: ProcessPool;
  beforeEach(() => {
    pool = createProcessPool({ clock: systemClock });
  });
  afterEach(() => pool.close());
  const openAt = (url: string, readOnly = true): OpenSource =>
    openSqlSource({ kind: 'postgres', url, readOnly }, pool);
  const plain = {
    parameters: [],
    maxRows: 10,
    timeoutMs: 30_000,
    caller: 'asker',
    signal: new AbortController().signal,
  };

  test('whose server is not there is QUERY_FAILED', async () => {
    const gone = openAt('postgres://nobody@127.0.0.1:1/none');
    await expect(gone.query({ ...plain, sql: 'SELECT 1' })).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  });
  if (the.engine === 'sqlite') return;

  let url: string;
  let source: OpenSource;

  beforeEach(async () => {
    url = await urlOf(the);
    await administer(
      url,
      `create table orders (id bigint primary key, name text, price numeric, at timestamptz, about jsonb, bytes bytea);
       insert into orders values
         (1, 'tea', 2.50, '2026-01-02T03:04:05Z', '{"a":[1]}', '\\x00ff'),
         (9007199254740993, 'cup', 7, null, null, null), (3, 'pot', 19, null, null, null)`,
    );
    source = openAt(url);
  });

  const ask = (sql: string, parameters: readonly JsonValue[] = [], change: Partial<Query> = {}) =>
    source.query({ ...plain, sql, parameters, ...change });

  test('answers with rows as JSON and bound parameters; what a double cannot hold is a text', async () => {
    const answer = await ask('SELECT * FROM orders WHERE name = $1 OR name = $2 ORDER BY price', [
      'tea',
      'cup',
    ]);
    expect(answer).toEqual({
      columns: ['id', 'name', 'price', 'at', 'about', 'bytes'],
      rowsJson: [
        '{"id":1,"name":"tea","price":"2.50","at":"2026-01-02T03:04:05.000Z","about":{"a":[1]},"bytes":"AP8="}',
        '{"id":"9007199254740993","name":"cup","price":"7","at":null,"about":null,"bytes":null}',
      ],
      truncated: false,
      changedRows: 0,
    });
  });

  test('leaves nothing on the connection for whoever asks next', async () => {
    await ask("SELECT set_config('search_path', 'pg_catalog', false), pg_advisory_lock(1)");
    const { rowsJson } = await ask('SELECT count(*)::int AS orders FROM orders');
    expect(rowsJson).toEqual(['{"orders":3}']);
    const locks = await ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()");
    expect(locks.rowsJson).toEqual([]);
  });

  test('binds lists and objects as JSON', async () => {
    const { rowsJson } = await ask('SELECT name FROM orders WHERE about @> $1::jsonb', [{ a: [1] }]);
    expect(rowsJson).toEqual(['{"name":"tea"}']);
  });

  test('says when there were more rows, and does not read them', async () => {
    const many = await ask(
      'WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT n FROM s',
      [],
      { maxRows: 3 },
    );
    expect(many).toMatchObject({ rowsJson: ['{"n":1}', '{"n":2}', '{"n":3}'], truncated: true });
  });

  test.each([
    ['DROP TABLE orders', 'INVALID_ARGUMENT'],
    ['COMMIT', 'INVALID_ARGUMENT'],
    ["SET statement_timeout = '0'", 'INVALID_ARGUMENT'],
    ["COPY orders TO PROGRAM 'true'", 'INVALID_ARGUMENT'],
    ['WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM gone', 'QUERY_FAILED'],
    ['SELECT 1; DROP TABLE orders', 'QUERY_FAILED'],
    ['SELECT nope FROM orders', 'QUERY_FAILED'],
  ])('that is read-only refuses %j', async (sql, code) => {
    await expect(ask(sql)).rejects.toMatchObject({ code });
    expect((await ask('SELECT count(*)::int AS n FROM orders')).rowsJson).toEqual(['{"n":3}']);
  });

  test('may be written when it says so, whole or not at all', async () => {
    const writable = openAt(url, false);
    const write = (sql: string) => writable.query({ ...plain, sql });
    expect(await write("UPDATE orders SET name = 'x' WHERE price > 5")).toMatchObject({ changedRows: 2 });
    await expect(write('DROP TABLE orders')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(write('UPDATE orders SET id = 1')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    const { rowsJson } = await ask("SELECT count(*)::int AS n FROM orders WHERE name = 'x'");
    expect(rowsJson).toEqual(['{"n":2}']);
  });

  test('a query that takes too long, or that nobody waits for, is ended on the server too', async () => {
    await expect(ask('SELECT pg_sleep(30)', [], { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const abort = new AbortController();
    const asked = ask('SELECT pg_sleep(30), 1 AS left_alone', [], { signal: abort.signal });
    const left = expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
    const running =
      "SELECT 1 AS one FROM pg_stat_activity WHERE query LIKE '%left_alone%' AND pid <> pg_backend_pid()";
    await expect.poll(async () => (await ask(running)).rowsJson, { timeout: 10_000 }).toHaveLength(1);
    abort.abort();
    await left;
    await expect.poll(async () => (await ask(running)).rowsJson, { timeout: 10_000 }).toEqual([]);
  });

  test('a connection that breaks in the middle of a query fails that query, and the next one is answered', async () => {
    const left = expect(ask('SELECT pg_sleep(30), 1 AS broken_off')).rejects.toMatchObject({
      code: 'QUERY_FAILED',
    });
    const running =
      "SELECT pid FROM pg_stat_activity WHERE query LIKE '%broken_off%' AND pid <> pg_backend_pid()";
    await expect.poll(async () => (await ask(running)).rowsJson, { timeout: 10_000 }).toHaveLength(1);
    await administer(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%broken_off%' AND pid <> pg_backend_pid()",
    );
    await left;
    expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
  });

  test.each([
    "SELECT repeat('x', 540000000) AS a",
    "SELECT repeat('x', 40000000) AS a FROM generate_series(1, 200)",
  ])('a row of any size is QUOTA_EXCEEDED: %s', async (sql) => {
    await expect(ask(sql, [], { maxRows: 1_000 })).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
  });

  test('rows that are too large together are QUOTA_EXCEEDED', async () => {
    const wide = "SELECT repeat('x', 1000000) AS a FROM generate_series(1, 100)";
    await expect(ask(wide, [], { maxRows: 100 })).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });
});

async function urlOf(the: StoreOfTest): Promise<string> {
  const options = await the.options();
  return 'url' in options ? options.url : '';
}
