import { describe, expect, test } from 'vitest';
import { BatchRequest, GetManyRequest } from '@bulkhead/proto/host';
import { countItems } from './count-items.js';

const MAX = 1_000;

describe('what a call counts as', () => {
  test.each([1, 2, 100])('%i keys are as many operations', (count) => {
    const keys = Array.from({ length: count }, (_, n) => 'k'.repeat(n * 3));
    expect(countItems(GetManyRequest.encode({ keys }).finish(), MAX)).toBe(count);
  });

  test('writes are counted whatever they weigh', () => {
    const writes = [1, 200, 70_000].map((bytes) => ({
      write: {
        $case: 'set' as const,
        value: { key: 'k', value: new Uint8Array(bytes), encoding: 0 as const, ttlMs: 0n },
      },
    }));
    expect(countItems(BatchRequest.encode({ writes }).finish(), MAX)).toBe(3);
  });

  test.each([
    ['an unknown number', [0x10, 1]],
    ['an unknown fixed number', [0x11, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['another unknown fixed number', [0x15, 0, 0, 0, 0]],
    ['a group', [0x13, 0x14]],
    // 3 and 2^32, of which a decoder takes the 3.
    ['a length that is written too long', [0x0a, 0x83, 0x80, 0x80, 0x80, 0x10, 0x6b, 0x6b, 0x6b]],
  ])('items behind %s do not go uncounted', (_what, before) => {
    const items = GetManyRequest.encode({ keys: ['a', 'b', 'c'] }).finish();
    const body = Uint8Array.from([...before, ...items]);
    expect(GetManyRequest.decode(body).keys.slice(-3)).toEqual(['a', 'b', 'c']);
    expect(countItems(body, MAX)).toBeGreaterThanOrEqual(GetManyRequest.decode(body).keys.length);
  });

  test('nobody counts past the bound', () => {
    const keys = Array.from({ length: 100_000 }, () => '');
    expect(countItems(GetManyRequest.encode({ keys }).finish(), MAX)).toBe(MAX);
  });

  test.each([[[]], [[0xff, 0xff, 0xff]], [[0x0a]], [[0x08, 1, 0x0a, 0]]])(
    'bytes that are no such message, %j, are one',
    (body) => {
      expect(countItems(Uint8Array.from(body), MAX)).toBe(1);
    },
  );
});
