import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../host/dist/store/open-store.js';
import { createPostgres, findPostgres } from '../../host/store/postgres-server.test-support.ts';
import type { Subject } from './measure.ts';

/** Rows that are written over and over, about as large as an entry of a configuration. */
const ROWS = 1_000;
const BODY = JSON.stringify({ text: 'x'.repeat(240) });

/** The host's store as its parts use it: typed queries, threads, shared commits. */
export function createSqliteStoreSubject(does: 'write' | 'read'): Promise<Subject> {
  return inFolder((folder) => createStoreSubject({ path: join(folder, 'store', 'bulkhead.db') }, does));
}

/** @throws when PostgreSQL is not installed */
export async function createPostgresStoreSubject(does: 'write' | 'read'): Promise<Subject> {
  const bin = await findPostgres();
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const server = await createPostgres(bin);
  await server.start();
  const subject = await createStoreSubject({ url: server.url }, does);
  return {
    call: () => subject.call(),
    async close() {
      await subject.close();
      await server.remove();
    },
  };
}

async function createStoreSubject(
  options: Parameters<typeof openStore>[0],
  does: 'write' | 'read',
): Promise<Subject> {
  const store = await openStore(options);
  let n = 0;
  const write = (): Promise<unknown> => {
    n += 1;
    return store.db
      .insertInto('config_layer')
      .values({ entry: `row ${n % ROWS}`, version: n, leaves: BODY })
      .onConflict((conflict) => conflict.column('entry').doUpdateSet({ version: n, leaves: BODY }))
      .execute();
  };
  const read = (): Promise<unknown> => {
    n += 1;
    return store.db
      .selectFrom('config_layer')
      .selectAll()
      .where('entry', '=', `row ${n % ROWS}`)
      .execute();
  };
  await Promise.all(Array.from({ length: ROWS }, write));
  return { call: does === 'write' ? write : read, close: () => store.close() };
}

/** The floor: prepared statements of node:sqlite on the main thread, each waiting for the disk. */
export function createRawSqliteSubject(does: 'write' | 'read'): Promise<Subject> {
  return inFolder((folder) => {
    const db = new DatabaseSync(join(folder, 'raw.db'));
    db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
    db.exec('create table raw (entry text primary key, version bigint not null, leaves text not null)');
    const upsert = db.prepare(
      'insert into raw values (?, ?, ?) on conflict (entry) do update set version = ?, leaves = ?',
    );
    const select = db.prepare('select * from raw where entry = ?');
    let n = 0;
    const write = (): void => {
      n += 1;
      upsert.run(`row ${n % ROWS}`, n, BODY, n, BODY);
    };
    db.exec('begin');
    for (let row = 0; row < ROWS; row += 1) write();
    db.exec('commit');
    const read = (): unknown => {
      n += 1;
      return select.all(`row ${n % ROWS}`);
    };
    return Promise.resolve({
      call: async () => Promise.resolve(does === 'write' ? write() : read()),
      close: async () => {
        db.close();
        return Promise.resolve();
      },
    });
  });
}

async function inFolder(create: (folder: string) => Promise<Subject>): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-store-'));
  const subject = await create(folder);
  return {
    call: () => subject.call(),
    async close() {
      await subject.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
