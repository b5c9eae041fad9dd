import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KvEncoding } from '@bulkhead/proto/host';
import { FakeClock } from '../../clock.test-support.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { HOST_ACTOR, NO_AUDIT } from '../../telemetry/audit.js';
import { createSilentLogger } from '../../telemetry/logger.js';
import { createKv, type Kv, type KvOptions, type KvSet } from './kv.js';
import { fromColumns } from './kv-value.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const put = (key: string, text: string, change: Partial<KvSet> = {}): KvSet => ({
  key,
  value: bytes(text),
  encoding: KvEncoding.KV_ENCODING_UNSPECIFIED,
  ttlMs: 0,
  ...change,
});
const json = (key: string, value: unknown): KvSet =>
  put(key, JSON.stringify(value), { encoding: KvEncoding.KV_ENCODING_JSON });

let store: Store;
let clock: FakeClock;
let kv: Kv;
const open = (change: Partial<KvOptions> = {}, on = store): Kv =>
  createKv({
    store: on,
    clock,
    log: createSilentLogger(),
    audit: NO_AUDIT,
    quota: () => ({ maxBytes: 10_000, maxKeys: 10 }),
    sweepIntervalMs: 1_000,
    ...change,
  });
/** Whether somebody waits for a row that another transaction holds. */
const waitsForLock = async ({ db }: Store): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
    db,
  );
  return rows.length > 0;
};
const text = async (entry: string, key: string, from = kv): Promise<string | undefined> => {
  const row = await from.get(entry, key);
  return row === undefined ? undefined : Buffer.from(fromColumns(row).value).toString();
};

describeEachStore('KV', (the) => {
  beforeEach(async () => {
    store = await the.open();
    clock = new FakeClock();
    kv = open();
  });
  afterEach(async () => {
    await kv.stop();
  });

  describe('keys and values', () => {
    test('a value comes back with its encoding, and the version grows with each write', async () => {
      const first = await kv.set('p', put('k', 'one'));
      const second = await kv.set('p', json('k', { a: 1 }));
      expect(second).toBeGreaterThan(first);
      const row = await kv.get('p', 'k');
      expect(row).toMatchObject({ key: 'k', version: second, expires_at: null });
      expect(await text('p', 'k')).toBe('{"a":1}');
    });

    test('values that one answer cannot hold are not fetched', async () => {
      let fetched = 0;
      const db = store.db.withPlugin({
        transformQuery: ({ node }) => node,
        transformResult: async ({ result }) => {
          for (const { value } of result.rows)
            if (value instanceof Uint8Array && value.length > 1_000_000) fetched += 1;
          return result;
        },
      });
      const own = open({ quota: () => ({ maxBytes: 1e9, maxKeys: 10 }) }, { ...store, db });
      const keys = ['a', 'b', 'c', 'd', 'e'];
      for (const key of keys) await own.set('p', put(key, 'x'.repeat(3_900_000)));
      await expect(own.getMany('p', keys)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
      expect(await own.getMany('p', ['d', 'e'])).toHaveLength(2);
      expect(fetched).toBeLessThanOrEqual(4);
    });

    test('who reads much does not keep the reads of others waiting', async () => {
      const asked: boolean[] = [];
      const db = store.db.withPlugin({
        transformQuery({ node }) {
          asked.push(JSON.stringify(node).includes('"little"'));
          return node;
        },
        transformResult: async ({ result }) => result,
      });
      const own = open({}, { ...store, db });
      const much = Array.from({ length: 3 }, async (_, part) =>
        own.getMany(
          'much',
          Array.from({ length: 1_000 }, (_key, n) => `${part}/${n}`),
        ),
      );
      await Promise.all([...much, own.get('little', 'k')]);
      expect(asked.length).toBeGreaterThan(20);
      expect(asked.indexOf(true)).toBeLessThan(4);
    });

    test('each entry has a namespace of its own', async () => {
      await kv.set('a', put('k', 'of a'));
      await kv.set('b', put('k', 'of b'));
      expect(await kv.delete('a', 'k')).toBe(true);
      expect(await text('a', 'k')).toBeUndefined();
      expect(await text('b', 'k')).toBe('of b');
    });

    test('what is absent reads as absent, and deleting it says so', async () => {
      expect(await kv.get('p', 'k')).toBeUndefined();
      expect(await kv.delete('p', 'k')).toBe(false);
    });

    test.each([
      ['empty', '', 'INVALID_ARGUMENT'],
      ['of 256 bytes', 'k'.repeat(256), 'INVALID_ARGUMENT'],
      ['of 128 characters and 256 bytes', 'é'.repeat(128), 'INVALID_ARGUMENT'],
      ['with U+0000', 'a\0b', 'INVALID_ARGUMENT'],
    ])('refuses a key that is %s', async (_what, key, code) => {
      await expect(kv.set('p', put(key, ''))).rejects.toMatchObject({ code, field: 'key' });
      await expect(kv.get('p', key)).rejects.toMatchObject({ code });
    });

    test('keeps empty values, and values of 5 MB and not a byte more', async () => {
      kv = open({ quota: () => ({ maxBytes: 20_000_000, maxKeys: 10 }) });
      const large = Buffer.alloc(5_000_000, 7);
      await kv.set('p', put('large', '', { value: large }));
      await kv.set('p', put('empty', ''));
      expect(Buffer.compare((await kv.get('p', 'large'))?.value ?? Buffer.of(), large)).toBe(0);
      expect((await kv.get('p', 'empty'))?.value).toHaveLength(0);
      await expect(kv.set('p', put('k', '', { value: Buffer.alloc(5_000_001) }))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        field: 'value',
      });
    });

    test('several keys come in one answer, absent ones left out', async () => {
      await kv.set('p', put('a', '1'));
      await kv.set('p', put('b', '2'));
      const rows = await kv.getMany('p', ['b', 'x', 'a', 'b']);
      expect(rows.map(({ key }) => key)).toEqual(['b', 'a']);
    });

    test('refuses an answer that is too large, and more keys than an answer holds', async () => {
      kv = open({ quota: () => ({ maxBytes: 20_000_000, maxKeys: 10 }) });
      const value = Buffer.alloc(5_000_000);
      await kv.set('p', put('a', '', { value }));
      await kv.set('p', put('b', '', { value }));
      await expect(kv.getMany('p', ['a', 'b'])).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
      const many = Array.from({ length: 1_001 }, (_, index) => `k${index}`);
      await expect(kv.getMany('p', many)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    test('a thousand reads at once each get their own', async () => {
      kv = open({ quota: () => ({ maxBytes: 1_000_000, maxKeys: 1_000 }) });
      const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
      await kv.batch(
        'p',
        keys.map((key) => ({ kind: 'set', ...put(key, `of ${key}`) })),
      );
      const asked = Array.from({ length: 1_000 }, (_, index) => `k${index % 400}`);
      const read = await Promise.all(asked.map((key) => text('p', key)));
      expect(read).toEqual(asked.map((key) => (keys.includes(key) ? `of ${key}` : undefined)));
    });
  });

  describe('keys that expire', () => {
    test('an expired key reads as absent at once, wherever one looks', async () => {
      const version = await kv.set('p', put('k', 'v', { ttlMs: 100 }));
      clock.advance(99);
      expect(await kv.get('p', 'k')).toMatchObject({ expires_at: clock.now() + 1 });
      clock.advance(1);
      expect(await kv.get('p', 'k')).toBeUndefined();
      expect((await kv.list('p', '', 0, '')).keys).toEqual([]);
      await expect(kv.compareAndSwap('p', put('k', 'w'), version)).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      expect(await kv.delete('p', 'k')).toBe(false);
    });

    test('an expired key can be made anew, and counts from nothing', async () => {
      await kv.set('p', json('k', 40));
      await kv.set('p', json('n', 40));
      await kv.set('p', put('k', 'v', { ttlMs: 100 }));
      await kv.set('p', { ...json('n', 40), ttlMs: 100 });
      clock.advance(100);
      await kv.compareAndSwap('p', put('k', 'new'), 0);
      expect(await text('p', 'k')).toBe('new');
      expect(await kv.increment('p', 'n', 2, 50)).toMatchObject({ value: 2 });
      expect(await kv.get('p', 'n')).toMatchObject({ expires_at: clock.now() + 50 });
    });

    test('the sweeper removes what has expired, and the room is free', async () => {
      kv.start();
      for (let n = 0; n < 10; n += 1) await kv.set('p', put(`k${n}`, 'v', { ttlMs: 100 }));
      clock.advance(1_000);
      await expect
        .poll(async () => store.db.selectFrom('kv').selectAll().execute(), { interval: 5 })
        .toEqual([]);
      await kv.set('p', put('k', 'v'));
    });

    test('a key that is set anew while the sweeper comes by stays', async () => {
      const other = await the.open();
      kv.start();
      await kv.set('p', put('k', 'v', { ttlMs: 100 }));
      clock.advance(100);
      let swept: Promise<void> | undefined;
      await other.transaction(async (trx) => {
        await trx.updateTable('kv').set({ expires_at: null }).where('key', '=', 'k').execute();
        swept = kv.sweep();
        if (the.engine === 'postgres')
          await expect.poll(() => waitsForLock(other), { interval: 5 }).toBe(true);
      });
      await swept;
      expect(await text('p', 'k')).toBe('v');
    });

    test.each([-1, Number.MAX_SAFE_INTEGER, 8_640_000_000_000_000])(
      'refuses a time to live of %d',
      async (ttlMs) => {
        await expect(kv.set('p', put('k', 'v', { ttlMs }))).rejects.toMatchObject({ field: 'ttl_ms' });
      },
    );
  });

  describe('the quota of an entry', () => {
    test('refuses a key too many, and what would take too much room; nothing is written', async () => {
      for (let n = 0; n < 10; n += 1) await kv.set('p', put(`k${n}`, 'v'));
      await expect(kv.set('p', put('one-more', 'v'))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      await expect(kv.set('q', put('k', 'x'.repeat(10_000)))).rejects.toMatchObject({
        code: 'QUOTA_EXCEEDED',
      });
      expect(await kv.get('p', 'one-more')).toBeUndefined();
      expect(await kv.get('q', 'k')).toBeUndefined();
    });

    test('a value may take the place of one as large, right at the quota', async () => {
      await kv.set('p', put('k', 'x'.repeat(9_999)));
      await kv.set('p', put('k', 'y'.repeat(9_999)));
      await kv.batch('p', [{ kind: 'set', ...put('k', 'z'.repeat(9_999)) }]);
      await expect(kv.set('p', put('k', 'y'.repeat(10_000)))).rejects.toMatchObject({
        code: 'QUOTA_EXCEEDED',
      });
      expect(await kv.delete('p', 'k')).toBe(true);
      await kv.set('p', put('other', 'x'.repeat(9_000)));
    });

    test('writes at once do not pass it together', async () => {
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => kv.set('p', put(`k${n}`, 'x'))),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    });

    test('one plugin fills a part of the store’s queue only, whatever it writes at once', async () => {
      kv = open({ quota: () => ({ maxBytes: 1_000_000_000, maxKeys: 100 }) });
      const large = Array.from({ length: 20 }, (_, n) =>
        kv.set('p', put(`k${n}`, 'x'.repeat(5_000_000))).then(
          () => 'written',
          (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
        ),
      );
      await kv.set('q', put('k', 'v'));
      const outcomes = await Promise.all(large);
      expect(new Set(outcomes)).toEqual(new Set(['written', 'RATE_LIMITED']));
      expect(await text('q', 'k')).toBe('v');
    });

    test('what expired makes room before a write is refused', async () => {
      for (let n = 0; n < 10; n += 1) await kv.set('p', put(`k${n}`, 'v', { ttlMs: 100 }));
      clock.advance(1_000);
      await kv.set('p', put('k', 'v'));
    });

    test('counts what was there before the host started', async () => {
      for (let n = 0; n < 10; n += 1) await kv.set('p', put(`k${n}`, 'v'));
      const next = open();
      await expect(next.set('p', put('one-more', 'v'))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(await next.clear('p', HOST_ACTOR)).toBe(10);
      await next.set('p', put('one-more', 'v'));
    });
  });

  describe('increment', () => {
    test('counts from 0, by what is asked, and reads as JSON', async () => {
      expect(await kv.increment('p', 'n', 5, 0)).toMatchObject({ value: 5 });
      expect(await kv.increment('p', 'n', -7, 0)).toMatchObject({ value: -2 });
      expect(await text('p', 'n')).toBe('-2');
      expect(fromColumns((await kv.get('p', 'n')) ?? { encoding: 0, number: 0, value: null })).toMatchObject({
        encoding: KvEncoding.KV_ENCODING_JSON,
      });
    });

    test('goes on from a number that was set', async () => {
      await kv.set('p', json('n', 41));
      expect(await kv.increment('p', 'n', 1, 0)).toMatchObject({ value: 42 });
    });

    test.each([
      ['an object', json('n', {})],
      ['no whole number', json('n', 1.5)],
      ['a text that looks like one', put('n', '1')],
      ['a number at the end of what is exact', json('n', Number.MAX_SAFE_INTEGER)],
    ])('is a conflict on %s, which stays', async (_what, set) => {
      await kv.set('p', set);
      await expect(kv.increment('p', 'n', 1, 0)).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await text('p', 'n')).toBe(Buffer.from(set.value).toString());
    });

    test('loses none of many at once', async () => {
      await Promise.all(Array.from({ length: 200 }, () => kv.increment('p', 'n', 1, 0)));
      expect(await text('p', 'n')).toBe('200');
    });
  });

  describe('compareAndSwap', () => {
    test('one of many wins', async () => {
      const version = await kv.set('p', put('k', 'start'));
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) => kv.compareAndSwap('p', put('k', `by ${n}`), version)),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CONFLICT' });
    });

    test('with version 0 makes a key that is absent, and no other', async () => {
      await kv.compareAndSwap('p', put('k', 'v'), 0);
      await expect(kv.compareAndSwap('p', put('k', 'w'), 0)).rejects.toMatchObject({ code: 'CONFLICT' });
    });

    test('sees that a key was removed and made again', async () => {
      const seen = await kv.set('p', put('k', 'v'));
      await kv.delete('p', 'k');
      await kv.set('p', put('k', 'v'));
      await expect(kv.compareAndSwap('p', put('k', 'w'), seen)).rejects.toMatchObject({ code: 'CONFLICT' });
    });
  });

  describe('batch', () => {
    test('happens whole and in order', async () => {
      await kv.set('p', put('old', 'v'));
      await kv.batch('p', [
        { kind: 'set', ...put('a', '1') },
        { kind: 'delete', key: 'old' },
        { kind: 'set', ...put('a', '2') },
      ]);
      expect(await text('p', 'a')).toBe('2');
      expect(await kv.get('p', 'old')).toBeUndefined();
    });

    test('or not at all', async () => {
      const big = put('b', 'x'.repeat(10_000));
      await expect(
        kv.batch('p', [
          { kind: 'set', ...put('a', '1') },
          { kind: 'set', ...big },
        ]),
      ).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(await kv.get('p', 'a')).toBeUndefined();
    });
  });

  describe('list', () => {
    const keys = ['a', 'a/1', 'a/2', 'a/é', 'a/ﬀ', 'a/😀', 'b', 'B', 'Ä'];

    test('goes through the keys of a prefix in byte order, page by page', async () => {
      for (const key of keys) await kv.set('p', put(key, 'v'));
      const seen: string[] = [];
      let pageToken = '';
      do {
        const page = await kv.list('p', 'a/', 2, pageToken);
        expect(page.keys.length).toBeLessThanOrEqual(2);
        seen.push(...page.keys.map(({ key }) => key));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      const sorted = keys
        .filter((key) => key.startsWith('a/'))
        .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(seen).toEqual(sorted);
      expect((await kv.list('p', '', 0, '')).keys).toHaveLength(keys.length);
    });

    test('tells the size of each value', async () => {
      await kv.set('p', put('é', '12345'));
      await kv.increment('p', 'n', 1_000, 0);
      expect((await kv.list('p', '', 0, '')).keys).toMatchObject([
        { key: 'n', bytes: 4 },
        { key: 'é', bytes: 5 },
      ]);
    });

    test('refuses a page token that is none, and a page that is too long', async () => {
      await expect(kv.list('p', '', 0, '%%')).rejects.toMatchObject({ field: 'page_token' });
      await expect(kv.list('p', '', 1_001, '')).rejects.toMatchObject({ field: 'page_size' });
      const long = Buffer.from('x'.repeat(1_000)).toString('base64url');
      await expect(kv.list('p', '', 0, long)).rejects.toMatchObject({ field: 'page_token' });
    });

    test('refuses a prefix that no key can have', async () => {
      await expect(kv.list('p', 'é'.repeat(128), 0, '')).rejects.toMatchObject({ field: 'prefix' });
      await expect(kv.list('p', 'a\0', 0, '')).rejects.toMatchObject({ field: 'prefix' });
    });
  });

  describe('two hosts on one store', () => {
    test('increments of both count, and a swap is won once', async () => {
      const other = open({}, await the.open());
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? kv : other).increment('p', 'n', 1, 0)),
      );
      expect(await text('p', 'n', other)).toBe('100');
      const version = await kv.set('p', put('k', 'v'));
      const swaps = await Promise.allSettled(
        [kv, other].map(async (host, n) => host.compareAndSwap('p', put('k', `by ${n}`), version)),
      );
      expect(swaps.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    });
  });
});
