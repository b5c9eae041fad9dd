import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ErrorCode } from '@bulkhead/proto';
import { sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from './open-store.js';
import type { Store } from './store.js';

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-full-'));
const mounted = ((): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=700', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

afterAll(() => {
  if (mounted) execFileSync('umount', ['--lazy', folder]);
  rmSync(folder, { recursive: true, force: true });
});

const insert = (store: Store, id: number, size: number) =>
  sql`insert into things (id, body) values (${id}, ${new Uint8Array(size)})`.execute(store.db);

describe.skipIf(!mounted)('a SQLite store whose disk is full', () => {
  it('says so, keeps what was answered and nothing else, and goes on when there is room again', async () => {
    const path = join(folder, 'store', 'bulkhead.db');
    const store = await openStore({ path });
    await sql`create table things (id bigint primary key, body blob)`.execute(store.db);
    await insert(store, 0, 10);
    const filler = join(folder, 'filler');
    await writeFile(filler, new Uint8Array(2 * 1024 * 1024));
    const large = Array.from({ length: 40 }, (_, index) => insert(store, index + 1, 60_000));
    const outcomes = await Promise.allSettled(large);
    const kept = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: ErrorCode.STORE_FULL });
    expect(store.health()).toMatchObject({ ok: false });
    const there = async (): Promise<unknown> =>
      (await sql<{ id: number }>`select id from things order by id`.execute(store.db)).rows.map(
        ({ id }) => id,
      );
    expect(await there()).toEqual([0, ...kept]);
    await expect(
      store.transaction(async (trx) => {
        await sql`insert into things (id, body) values (100, ${new Uint8Array(1_000_000)})`.execute(trx);
        await sql`insert into things (id, body) values (101, ${new Uint8Array(1_000_000)})`.execute(trx);
      }),
    ).rejects.toMatchObject({ code: ErrorCode.STORE_FULL });
    expect(await there()).toEqual([0, ...kept]);
    await rm(filler);
    await expect.poll(() => store.health(), { timeout: 10_000 }).toEqual({ ok: true });
    await insert(store, 200, 60_000);
    expect(await there()).toEqual([0, ...kept, 200]);
    await store.close();
    const db = new DatabaseSync(path);
    expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    db.close();
  });
});
