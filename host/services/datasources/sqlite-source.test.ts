import { link, mkdtemp, mkdir, readdir, realpath, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseJson, type JsonValue } from '@bulkhead/proto/json';
import { systemClock } from '../../clock.js';
import { childProcesses } from '../../sidecar/child-processes.js';
import type { OpenSource, Query } from './query.js';
import { createProcessPool, type ProcessPool } from './process/process-pool.js';
import { openSqlSource } from './sql-source.js';

let folder: string;
let pool: ProcessPool;
let source: OpenSource;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead source-')));
  const db = new DatabaseSync(join(folder, 'shop.db'));
  db.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, price REAL, big INTEGER, bytes BLOB);
    INSERT INTO orders VALUES (1, 'tea', 2.5, 9007199254740993, x'00ff'), (2, 'cup', 7, 3, NULL), (3, 'pot', 19, 4, NULL)`);
  db.close();
  pool = createProcessPool({ clock: systemClock });
  source = open();
});
afterEach(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

function open(
  change: {
    readonly readOnly?: boolean;
    readonly path?: string;
    readonly closed?: string[];
    readonly listed?: string[];
    readonly own?: string;
  } = {},
) {
  const { own = join(folder, 'none'), listed = [folder], closed = [], ...rest } = change;
  const path = join(folder, 'shop.db');
  return openSqlSource(
    { kind: 'sqlite', path, readOnly: true, folders: { own, listed, closed }, ...rest },
    pool,
  );
}
const ask = (sql: string, parameters: readonly JsonValue[] = [], change: Partial<Query> = {}) =>
  source.query({
    sql,
    parameters,
    maxRows: 10,
    timeoutMs: 30_000,
    caller: 'asker',
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
    await expect(ask(endless, [], { timeoutMs: 100 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const abort = new AbortController();
    const left = ask(endless, [], { signal: abort.signal });
    abort.abort();
    await expect(left).rejects.toMatchObject({ code: 'CANCELLED' });
    expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
  });

  test('more queries than processes wait for their turn', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask('SELECT ? AS n', [n])));
    expect(answers.map(({ rowsJson }) => rowsJson[0])).toEqual(
      Array.from({ length: 20 }, (_, n) => `{"n":${n}}`),
    );
  });

  test('rows that are too large together are QUOTA_EXCEEDED', async () => {
    const wide = 'SELECT hex(zeroblob(3000000)) AS a FROM orders';
    await expect(ask(wide)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  const endless = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n';

  test('a query that never ends leaves nothing that runs, and keeps no other from running', async () => {
    const before = childProcesses(process.pid);
    await Promise.all(
      Array.from({ length: 8 }, () =>
        expect(ask(endless, [], { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' }),
      ),
    );
    expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
    await pool.close();
    expect(childProcesses(process.pid).filter((pid) => !before.includes(pid))).toEqual([]);
  });

  test('one caller does not take the processes from all others', async () => {
    const abort = new AbortController();
    const left = Array.from({ length: 8 }, async () => {
      const query = open().query({
        sql: endless,
        parameters: [],
        maxRows: 1,
        timeoutMs: 60_000,
        caller: 'greedy',
        signal: abort.signal,
      });
      await expect(query).rejects.toMatchObject({ code: 'CANCELLED' });
    });
    expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
    abort.abort();
    await Promise.all(left);
  });

  test.each(['SELECT zeroblob(900000000) AS a', 'SELECT hex(zeroblob(450000000)) AS a'])(
    'a row of any size is QUOTA_EXCEEDED: %s',
    async (sql) => {
      await expect(ask(sql)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
    },
  );

  describe('opens no other file than one directly in a folder that is open to it:', () => {
    const refuses = async (change: Parameters<typeof open>[0]): Promise<void> => {
      source = open(change);
      await expect(ask('SELECT * FROM orders')).rejects.toMatchObject({
        code: 'QUERY_FAILED',
        message: expect.stringContaining('datasources.sqlite_folders'),
      });
    };

    test('not the host’s own, by a link neither, though its folder is listed', async () => {
      const link = join(folder, 'link');
      await mkdir(join(folder, 'own'));
      await rename(join(folder, 'shop.db'), join(folder, 'own', 'host.db'));
      await symlink(join(folder, 'own'), link);
      await symlink(join(folder, 'own', 'host.db'), join(folder, 'link.db'));
      for (const closed of [[join(folder, 'own')], [link]]) {
        for (const listed of [[folder], [folder, join(folder, 'own')], [folder, link], [folder, '/']]) {
          await refuses({ path: join(folder, 'own', 'host.db'), closed, listed });
          await refuses({ path: join(link, 'host.db'), closed, listed });
          await refuses({ path: join(folder, 'link.db'), closed, listed });
        }
      }
    });

    test('not in a folder below', async () => {
      await mkdir(join(folder, 'below'));
      await rename(join(folder, 'shop.db'), join(folder, 'below', 'shop.db'));
      await refuses({ path: join(folder, 'below', 'shop.db') });
    });

    test('none at all where nothing is listed, and it says what to do', async () => {
      await refuses({ listed: [] });
    });

    test('but in the one folder of the data directory that is for it', async () => {
      const own = join(folder, 'datasources');
      await mkdir(own);
      await rename(join(folder, 'shop.db'), join(own, 'shop.db'));
      source = open({ path: join(own, 'shop.db'), own, listed: [], closed: [folder] });
      expect((await ask('SELECT 1 AS one')).rowsJson).toEqual(['{"one":1}']);
    });

    test('and not through another name of it', async () => {
      await mkdir(join(folder, 'other'));
      await link(join(folder, 'shop.db'), join(folder, 'other', 'shop.db'));
      source = open();
      await expect(ask('SELECT 1')).rejects.toMatchObject({
        code: 'QUERY_FAILED',
        message: expect.stringContaining('hard links'),
      });
    });
  });

  test('a file that is not there is QUERY_FAILED, and is not made', async () => {
    source = open({ path: join(folder, 'none.db'), readOnly: false });
    await expect(ask('SELECT 1')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    expect(await readdir(folder)).toEqual(['shop.db']);
  });
});
