import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, inject } from 'vitest';
import { openStore } from './open-store.js';
import type { StoreOptions } from './store-options.js';
import { administer, findPostgres } from './postgres-server.test-support.js';
import { sharedPostgres } from './shared-postgres.test-support.js';
import type { Engine, Store } from './store.js';

/** What one test has of an engine: a database of its own, gone when the test has ended. */
export interface StoreOfTest {
  readonly engine: Engine;
  /** Opens the store; each further call is another host on the same one. Closed when the test has ended. */
  open(): Promise<Store>;
  /** Where it is; for a host that opens it itself, as `store.url` or the file's path. */
  options(): Promise<StoreOptions>;
}

/**
 * The same tests on SQLite and on a real PostgreSQL server. Without one installed its tests are skipped, and fail in CI.
 *
 * @example
 * describeEachStore('a table', (the) => {
 *   it('keeps a row', async () => {
 *     const store = await the.open();
 *   });
 * });
 */
export function describeEachStore(name: string, tests: (the: StoreOfTest) => void): void {
  describe(`${name} (SQLite)`, () => {
    tests(useDatabase('sqlite', sqliteDatabase));
  });
  describe.skipIf(!hasPostgres && process.env['CI'] === undefined)(`${name} (PostgreSQL)`, () => {
    tests(useDatabase('postgres', usePostgres()));
  });
}

const hasPostgres = (await findPostgres()) !== undefined;
if (!hasPostgres) console.warn('PostgreSQL is not installed: its tests are skipped. Install postgresql.');

interface TestDatabase {
  readonly options: StoreOptions;
  remove(): Promise<void>;
}

function useDatabase(engine: Engine, create: () => Promise<TestDatabase>): StoreOfTest {
  let database: Promise<TestDatabase> | undefined;
  const stores: Store[] = [];
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    const used = database;
    database = undefined;
    await (await used)?.remove();
  });
  const options = async (): Promise<StoreOptions> => (await (database ??= create())).options;
  return {
    engine,
    options,
    async open() {
      const store = await openStore(await options());
      stores.push(store);
      return store;
    },
  };
}

async function sqliteDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-store-'));
  return {
    options: { path: join(folder, 'store', 'bulkhead.db') },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** One database for each file, which takes a while to make, and a schema in it for each test. */
function usePostgres(): () => Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  let made: Promise<{ readonly server: string; readonly url: string }> | undefined;
  const make = async (): Promise<{ readonly server: string; readonly url: string }> => {
    const server = await sharedPostgres(inject('postgresRun'));
    if (server === undefined) throw new Error('PostgreSQL is not installed; CI needs it');
    await administer(server, `create database ${name}`);
    return { server, url: server.replace(/[^/]*$/, name) };
  };
  afterAll(async () => {
    if (made !== undefined) await administer((await made).server, `drop database ${name} with (force)`);
  });
  return async () => {
    const { url } = await (made ??= make());
    const schema = `s_${randomUUID().replaceAll('-', '')}`;
    await administer(url, `create schema ${schema}`);
    return {
      options: { url: `${url}?options=${encodeURIComponent(`-c search_path=${schema}`)}` },
      remove: () => administer(url, `drop schema ${schema} cascade`),
    };
  };
}
