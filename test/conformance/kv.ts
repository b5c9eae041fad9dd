import { expect } from 'vitest';
import type { JsonObject, Kv } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

/** What every KvService does, whoever serves it. Each step gets keys of its own. */
export const KV_STEPS: Steps<{ readonly kv: Kv; advance(ms: number): void }> = {
  async 'an absent key is undefined, and deleting it says so'({ kv }) {
    expect(await kv.get('none')).toBeUndefined();
    expect(await kv.getEntry('none')).toBeUndefined();
    expect(await kv.delete('none')).toBe(false);
  },
  async 'JSON comes back as it was, numbers that a double cannot hold too'({ kv }) {
    const value = JSON.parse('{"a":[1,null,"ü"]}') as JsonObject;
    await kv.set('json', { ...value, big: JSON.rawJSON('9007199254740993') });
    expect(JSON.stringify(await kv.get('json'))).toBe('{"a":[1,null,"ü"],"big":9007199254740993}');
    await kv.set('json', 10);
    expect(await kv.get<number>('json')).toBe(10);
    await kv.set('json', null);
    expect(await kv.get('json')).toBe(null);
  },
  async 'bytes come back as bytes, empty ones too'({ kv }) {
    await kv.set('bytes', new Uint8Array([0, 255, 1]));
    expect([...((await kv.get<Uint8Array>('bytes')) ?? [])]).toEqual([0, 255, 1]);
    await kv.set('bytes', new Uint8Array(0));
    expect((await kv.get<Uint8Array>('bytes'))?.length).toBe(0);
  },
  async 'a value of a few megabytes crosses, and one above 5 MB is refused'({ kv }) {
    await kv.set('large', 'x'.repeat(4_999_998));
    expect((await kv.get<string>('large'))?.length).toBe(4_999_998);
    await expect(kv.set('large', 'x'.repeat(4_999_999))).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'value'),
    );
    await kv.delete('large');
  },
  async 'versions grow with each write, over a delete too'({ kv }) {
    const first = await kv.set('v', 1);
    const second = await kv.set('v', 1);
    expect(second).toBeGreaterThan(first);
    expect((await kv.getEntry('v'))?.version).toBe(second);
    await kv.delete('v');
    expect(await kv.set('v', 1)).toBeGreaterThan(second);
  },
  async 'a key expires, reads as absent at once, and may be made anew'({ kv, advance }) {
    await kv.set('ttl', 1, { ttlMs: 1_000 });
    expect((await kv.getEntry('ttl'))?.expiresAtMs).toBeGreaterThan(0);
    advance(999);
    expect(await kv.get<number>('ttl')).toBe(1);
    advance(1);
    expect(await kv.get('ttl')).toBeUndefined();
    expect(await kv.delete('ttl')).toBe(false);
    expect(await kv.compareAndSwap('ttl', 0, 2)).toBeGreaterThan(0);
  },
  async 'many keys are read at once; absent ones are left out'({ kv }) {
    await kv.batch([
      { set: 'm1', value: 1 },
      { set: 'm2', value: 'two' },
    ]);
    const found = await kv.getMany(['m1', 'm2', 'm3', 'm1']);
    expect(Object.fromEntries(found)).toEqual({ m1: 1, m2: 'two' });
    await expect(kv.getMany(Array.from({ length: 1_001 }, (_, n) => `k${n}`))).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'keys'),
    );
  },
  async 'keys are listed by prefix, in byte order, page by page'({ kv }) {
    const keys = ['l/a', 'l/b', 'l/é', 'l/\u{ffff}', 'l/\u{1f600}', 'lx'];
    await kv.batch(keys.map((key) => ({ set: key, value: key })));
    const listed: string[] = [];
    for await (const { key } of kv.all({ prefix: 'l/', pageSize: 2 })) listed.push(key);
    expect(listed).toEqual(['l/a', 'l/b', 'l/é', 'l/\u{ffff}', 'l/\u{1f600}']);
    const page = await kv.list({ prefix: 'l/', pageSize: 5 });
    expect(page.nextPageToken).toBeUndefined();
    expect(page.items[0]).toMatchObject({ key: 'l/a', sizeBytes: 5 });
    await expect(kv.list({ pageToken: '?' })).rejects.toThrow(failing('INVALID_ARGUMENT', 'page_token'));
    await expect(kv.list({ pageSize: 1_001 })).rejects.toThrow(failing('INVALID_ARGUMENT', 'page_size'));
  },
  async 'a number is added to, made when absent, and nothing else is'({ kv, advance }) {
    expect(await kv.increment('n')).toBe(1);
    expect(await kv.increment('n', -3)).toBe(-2);
    expect(await kv.get<number>('n')).toBe(-2);
    await kv.set('n', 40);
    expect(await kv.increment('n', 2)).toBe(42);
    await kv.set('n', 'text');
    await expect(kv.increment('n')).rejects.toThrow(failing('CONFLICT', 'key'));
    await kv.set('n', new Uint8Array([49]));
    await expect(kv.increment('n')).rejects.toThrow(failing('CONFLICT', 'key'));
    await kv.set('n', Number.MAX_SAFE_INTEGER);
    await expect(kv.increment('n')).rejects.toThrow(failing('CONFLICT', 'key'));
    await kv.increment('nt', 1, { ttlMs: 1_000 });
    advance(600);
    await kv.increment('nt', 1, { ttlMs: 1_000 });
    advance(600);
    expect(await kv.increment('nt')).toBe(1);
  },
  async 'increments at once add up'({ kv }) {
    await Promise.all(Array.from({ length: 100 }, () => kv.increment('sum')));
    expect(await kv.get<number>('sum')).toBe(100);
  },
  async 'a swap needs the version that is there'({ kv }) {
    const first = await kv.compareAndSwap('cas', 0, 'a');
    await expect(kv.compareAndSwap('cas', 0, 'b')).rejects.toThrow(failing('CONFLICT', 'expected_version'));
    const second = await kv.compareAndSwap('cas', first, 'b');
    await expect(kv.compareAndSwap('cas', first, 'c')).rejects.toThrow(failing('CONFLICT'));
    expect(await kv.getEntry('cas')).toMatchObject({ value: 'b', version: second });
  },
  async 'updates at once lose nothing'({ kv }) {
    await Promise.all(
      Array.from({ length: 5 }, (_, n) => kv.update<number[]>('upd', (seen = []) => [...seen, n])),
    );
    expect((await kv.get<number[]>('upd'))?.toSorted()).toEqual([0, 1, 2, 3, 4]);
  },
  async 'a batch happens whole or not at all, in order'({ kv }) {
    await kv.set('b1', 'old');
    await expect(
      kv.batch([
        { set: 'b1', value: 'new' },
        { set: '', value: 1 },
      ]),
    ).rejects.toThrow(failing('INVALID_ARGUMENT', 'key'));
    expect(await kv.get<string>('b1')).toBe('old');
    await kv.batch([{ set: 'b2', value: 1 }, { delete: 'b2' }, { delete: 'b1' }, { set: 'b3', value: 3 }]);
    expect([await kv.get('b1'), await kv.get('b2'), await kv.get<number>('b3')]).toEqual([
      undefined,
      undefined,
      3,
    ]);
    await kv.batch([]);
    const many = Array.from({ length: 1_001 }, (_, n) => ({ set: `k${n}`, value: n }));
    await expect(kv.batch(many)).rejects.toThrow(failing('INVALID_ARGUMENT', 'writes'));
  },
  async 'a key has 1 to 255 bytes and no zero'({ kv }) {
    await kv.set('é'.repeat(127), 1);
    for (const key of ['', 'é'.repeat(128), 'a\0b']) {
      await expect(kv.set(key, 1)).rejects.toThrow(failing('INVALID_ARGUMENT', 'key'));
      await expect(kv.get(key)).rejects.toThrow(failing('INVALID_ARGUMENT', 'key'));
      await expect(kv.increment(key)).rejects.toThrow(failing('INVALID_ARGUMENT', 'key'));
      await expect(kv.delete(key)).rejects.toThrow(failing('INVALID_ARGUMENT', 'key'));
    }
  },
};
