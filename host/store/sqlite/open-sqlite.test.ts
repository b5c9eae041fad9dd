import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import { ErrorCode } from '@bulkhead/proto';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../store.js';
import { openSqlite } from './open-sqlite.js';
import { startWorker } from './worker-link.js';

let path: string;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-sqlite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  path = join(folder, 'store', 'bulkhead.db');
});

/** Opens it, with the threads that it starts. */
async function open(): Promise<{ readonly store: Store; readonly writers: Worker[] }> {
  const writers: Worker[] = [];
  const store = await openSqlite({
    path,
    startWorker: (settings) => {
      const worker = startWorker(settings);
      if (settings.role === 'write') writers.push(worker);
      return worker;
    },
  });
  onTestFinished(() => store.close());
  await sql`create table things (id text primary key)`.execute(store.db);
  return { store, writers };
}

const insert = (store: Store, id: string) => sql`insert into things (id) values (${id})`.execute(store.db);
const count = async (store: Store): Promise<number> =>
  (await sql`select id from things`.execute(store.db)).rows.length;

describe('the SQLite store', () => {
  it('keeps its file and its log for its owner alone', async () => {
    const { store } = await open();
    await insert(store, 'a');
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600);
  });

  it('fails what is under way when its thread dies, and goes on with another', async () => {
    const { store, writers } = await open();
    await insert(store, 'before');
    const transaction = store.transaction(async (trx) => {
      await sql`insert into things (id) values ('half')`.execute(trx);
      await writers[0]?.terminate();
      await sql`insert into things (id) values ('other half')`.execute(trx);
    });
    const waiting = insert(store, 'waited').catch(() => undefined);
    await expect(transaction).rejects.toMatchObject({ code: ErrorCode.STORE_UNAVAILABLE });
    const writes = (): Promise<boolean> =>
      insert(store, 'after').then(
        () => true,
        () => false,
      );
    await expect.poll(writes, { timeout: 10_000 }).toBe(true);
    await waiting;
    const { rows } = await sql`select id from things where id <> 'waited' order by id`.execute(store.db);
    expect(rows).toEqual([{ id: 'after' }, { id: 'before' }]);
    expect(writers.length).toBeGreaterThan(1);
    expect(store.health()).toEqual({ ok: true });
  });

  it('is busy, and says when to come back, while another process holds the file', async () => {
    const { store } = await open();
    const other = new DatabaseSync(path);
    onTestFinished(() => {
      other.close();
    });
    other.exec('BEGIN IMMEDIATE');
    const first = await insert(store, 'a').catch((error: unknown) => error);
    expect(first).toMatchObject({ code: ErrorCode.STORE_BUSY, retryable: true });
    expect(await count(store)).toBe(0);
    other.exec('COMMIT');
    await insert(store, 'a');
  });

  it('takes no more than it can hold, and does the rest', async () => {
    const { store } = await open();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12_000 }, (_, index) => insert(store, `id ${index}`)),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: ErrorCode.STORE_BUSY } });
    expect(await count(store)).toBe(12_000 - refused.length);
  });

  it('tells a file that is no store', async () => {
    const { store } = await open();
    await store.close();
    await writeFile(path, 'this is a text, and no database at all'.repeat(100));
    await expect(openSqlite({ path })).rejects.toMatchObject({ code: ErrorCode.STORE_CORRUPT });
  });

  it('tells a file that it may not make', async () => {
    await writeFile(dirname(path), 'a file where the folder should be');
    await expect(openSqlite({ path })).rejects.toMatchObject({
      code: ErrorCode.STORE_UNAVAILABLE,
    });
  });

  it('lets nobody begin a transaction by hand, which would tear the commit that others share', async () => {
    const { store } = await open();
    await expect(sql`commit`.execute(store.db)).rejects.toMatchObject({ code: ErrorCode.INTERNAL });
  });

  it('lets nothing be written through the connection that reads', async () => {
    const { store } = await open();
    await expect(sql`select writefile('x', 'y')`.execute(store.db)).rejects.toMatchObject({
      code: ErrorCode.INTERNAL,
    });
  });
});
