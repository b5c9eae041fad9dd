import { mkdtemp, mkdir, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseJson, type JsonValue } from '@bulkhead/proto/json';
import { systemClock } from '../../clock.js';
import type { OpenSource, Query } from './query.js';
import { openSqliteSource } from './sqlite-source.js';

let folder: string;
let source: OpenSource;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead source-')));
  const db = new DatabaseSync(join(folder, 'shop.db'));
  db.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, price REAL, big INTEGER, bytes BLOB);
    INSERT INTO orders VALUES (1, 'tea', 2.5, 9007199254740993, x'00ff'), (2, 'cup', 7, 3, NULL), (3, 'pot', 19, 4, NULL)`);
  db.close();
  source = open();
});
afterEach(async () => {
  await source.close();
  await rm(folder, { recursive: true, force: true });
});

function open(
  change: { readonly readOnly?: boolean; readonly path?: string; readonly closed?: string[] } = {},
) {
  return openSqliteSource({
    path: join(folder, 'shop.db'),
    readOnly: true,
    closed: [],
    clock: systemClock,
    ...change,
  });
}
const ask = (sql: string, parameters: readonly JsonValue[] = [], change: Partial<Query> = {}) =>
  source.query({
    sql,
    parameters,
    maxRows: 10,
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    ...change,
  });

describe('a SQLite data source', () => {
  test('that is closed runs no query that waited', async () => {
    const endless = 'WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT count(*) FROM s';
    const asked = [ask(endless), ask(endless), ask('SELECT 1')].map(async (query) =>
      query.then(
        () => 'answered',
        () => 'failed',
      ),
    );
    await source.close();
    expect(await Promise.all(asked)).toEqual(['failed', 'failed', 'failed']);
  });

  test('answers with rows as JSON, bound parameters, large numbers and bytes as texts', async () => {
    const answer = await ask('SELECT * FROM orders WHERE name = ? OR id = ? ORDER BY id', ['tea', 2]);
    expect(answer).toEqual({
      columns: ['id', 'name', 'price', 'big', 'bytes'],
      rowsJson: [
        '{"id":1,"name":"tea","price":2.5,"big":"9007199254740993","bytes":"AP8="}',
        '{"id":2,"name":"cup","price":7,"big":3,"bytes":null}',
      ],
      truncated: false,
      changedRows: 0,
    });
  });

  test('binds a number that a double cannot hold', async () => {
    const [big] = parseJson('[9007199254740993]') as readonly JsonValue[];
    expect((await ask('SELECT name FROM orders WHERE big = ?', [big ?? null])).rowsJson).toEqual([
      '{"name":"tea"}',
    ]);
  });

  test('says when there were more rows than were asked for', async () => {
    expect(await ask('SELECT id FROM orders ORDER BY id', [], { maxRows: 2 })).toMatchObject({
      rowsJson: ['{"id":1}', '{"id":2}'],
      truncated: true,
    });
  });

  test.each([
    ["INSERT INTO orders (name) VALUES ('x')"],
    ['/* SELECT */ DELETE FROM orders'],
    ['-- SELECT\nDROP TABLE orders'],
    ["ATTACH DATABASE '/etc/passwd' AS p"],
    ['PRAGMA journal_mode = DELETE'],
    ["VACUUM INTO '/tmp/copy.db'"],
    [''],
  ])('that is read-only refuses %j as INVALID_ARGUMENT', async (sql) => {
    await expect(ask(sql)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'sql' });
  });

  test.each([
    "SELECT writefile('/tmp/x', 'y')",
    "SELECT load_extension('/tmp/x.so')",
    'WITH a AS (SELECT 1) DELETE FROM orders',
  ])('that is read-only fails %j in the database', async (sql) => {
    await expect(ask(sql)).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  });

  test('runs only the first of two statements, and that is a query', async () => {
    await ask('SELECT 1; DELETE FROM orders').catch(() => undefined);
    expect((await ask('SELECT count(*) AS n FROM orders')).rowsJson).toEqual(['{"n":3}']);
  });

  test('may be written when it says so, and tells how many rows changed', async () => {
    await source.close();
    source = open({ readOnly: false });
    expect(await ask("UPDATE orders SET name = 'x' WHERE id > ?", [1])).toMatchObject({ changedRows: 2 });
    await expect(ask('DROP TABLE orders')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a query that takes too long is ended, and the next one is answered', async () => {
    const endless = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n';
    await expect(ask(endless, [], { timeoutMs: 100 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const abort = new AbortController();
    const left = ask(endless, [], { signal: abort.signal });
    abort.abort();
    await expect(left).rejects.toMatchObject({ code: 'CANCELLED' });
    expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
  });

  test('more queries than threads wait for their turn', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask('SELECT ? AS n', [n])));
    expect(answers.map(({ rowsJson }) => rowsJson[0])).toEqual(
      Array.from({ length: 20 }, (_, n) => `{"n":${n}}`),
    );
  });

  test('rows that are too large together are QUOTA_EXCEEDED', async () => {
    const wide = 'SELECT hex(zeroblob(3000000)) AS a FROM orders';
    await expect(ask(wide)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  test('does not open a file of the host’s own, by a link neither', async () => {
    const own = join(folder, 'own');
    await mkdir(own);
    new DatabaseSync(join(own, 'host.db')).close();
    await symlink(join(own, 'host.db'), join(folder, 'link.db'));
    for (const path of [join(own, 'host.db'), join(folder, 'link.db')]) {
      await source.close();
      source = open({ path, closed: [own] });
      await expect(ask('SELECT 1')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    }
  });

  test('a file that is not there is QUERY_FAILED, and is not made', async () => {
    await source.close();
    source = open({ path: join(folder, 'none.db') });
    await expect(ask('SELECT 1')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  });
});
