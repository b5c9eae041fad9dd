import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore } from './open-store.js';
import { createPostgres, findPostgres, type PostgresServer } from './postgres-server.test-support.js';
import type { StoreOptions } from './store-options.js';
import type { Store } from './store.js';

const WRITER = join(import.meta.dirname, 'fixtures', 'writer.mjs');
const LONG_MS = 120_000;
/** Answered writes after which each round kills. */
const ROUNDS = [1, 7, 50, 120, 333, 500];

/** A process that writes; what it was answered is in `answered`. */
function startWriter(options: StoreOptions, answered: Set<number>, first: number) {
  const child = spawn(process.execPath, [WRITER, JSON.stringify(options), String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const failures: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('failed')) failures.push(line);
    else answered.add(Number(line));
    for (const check of waiting) check();
  });
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return {
    failures,
    until,
    async kill() {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

async function makeTable(store: Store): Promise<void> {
  await sql`create table written (id bigint primary key, pair bigint not null)`.execute(store.db);
}

/** Everything that was answered is there, and of what belongs together all or nothing. */
async function expectWhole(options: StoreOptions, answered: ReadonlySet<number>): Promise<number> {
  const store = await openStore(options);
  const { rows } = await sql<{ id: number; pair: number }>`select id, pair from written`.execute(store.db);
  await store.close();
  const there = new Map(rows.map(({ id, pair }) => [id, pair]));
  expect([...answered].filter((id) => !there.has(id))).toEqual([]);
  expect([...there].filter(([id, pair]) => pair === 1 && !there.has(-id))).toEqual([]);
  return Math.max(0, ...there.keys());
}

describe('a host that is killed while it writes', () => {
  it(
    'loses nothing that was answered, on SQLite',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'bulkhead-crash-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const path = join(folder, 'store', 'bulkhead.db');
      const store = await openStore({ path });
      await makeTable(store);
      await store.close();
      const answered = new Set<number>();
      let last = 0;
      for (const round of ROUNDS) {
        const before = answered.size;
        const writer = startWriter({ path }, answered, last + 1);
        await writer.until(() => answered.size >= before + round);
        await writer.kill();
        last = await expectWhole({ path }, answered);
        expect(writer.failures).toEqual([]);
        const db = new DatabaseSync(path);
        expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
        db.close();
      }
    },
    LONG_MS,
  );
});

const bin = await findPostgres();

describe.skipIf(bin === undefined && process.env['CI'] === undefined)(
  'a PostgreSQL server of its own',
  () => {
    const open = async (): Promise<{ server: PostgresServer; options: StoreOptions }> => {
      if (bin === undefined) throw new Error('PostgreSQL is not installed; CI needs it');
      const server = await createPostgres(bin);
      onTestFinished(() => server.remove());
      await server.start();
      const options = { url: server.url };
      return { server, options };
    };

    it(
      'loses nothing that was answered, when the host is killed, when the server crashes, and when both are',
      async () => {
        const { server, options } = await open();
        const store = await openStore(options);
        await makeTable(store);
        await store.close();
        const answered = new Set<number>();
        let last = 0;
        for (const round of ROUNDS) {
          const before = answered.size;
          const writer = startWriter(options, answered, last + 1);
          await writer.until(() => answered.size >= before + round);
          await server.stop('immediate');
          await writer.until(() => writer.failures.length > 0);
          if (round % 2 === 0) await writer.kill();
          await server.start();
          if (round % 2 !== 0) {
            const back = answered.size;
            await writer.until(() => answered.size > back);
            await writer.kill();
          }
          last = await expectWhole(options, answered);
          expect(new Set(writer.failures)).toEqual(new Set(['failed STORE_UNAVAILABLE']));
        }
      },
      LONG_MS,
    );

    it(
      'is said to be down while it is, and found again without being asked, with whoever listened',
      async () => {
        const { server, options } = await open();
        const store = await openStore(options);
        onTestFinished(() => store.close());
        const hearings: string[] = [];
        const heard = Promise.withResolvers<string>();
        store.listen('changes', heard.resolve, () => {
          hearings.push('hearing');
        });
        await expect.poll(() => hearings.length).toBe(1);
        await server.stop('fast');
        await expect(sql`select 1`.execute(store.db)).rejects.toMatchObject({
          code: 'STORE_UNAVAILABLE',
          retryable: true,
        });
        expect(store.health()).toMatchObject({ ok: false });
        await expect(store.transaction(() => Promise.resolve())).rejects.toMatchObject({
          code: 'STORE_UNAVAILABLE',
        });
        await server.start();
        await expect.poll(() => store.health(), { timeout: 10_000 }).toEqual({ ok: true });
        await expect.poll(() => hearings.length, { timeout: 15_000 }).toBe(2);
        await store.notify('changes', 'again');
        expect(await heard.promise).toBe('again');
      },
      LONG_MS,
    );
  },
);
