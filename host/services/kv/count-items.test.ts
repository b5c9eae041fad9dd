import { describe, expect, test } from 'vitest';
import { BatchRequest, GetManyRequest } from '@bulkhead/proto/host';
import { countItems } from './count-items.js';

describe('what a call counts as', () => {
  test.each([1, 2, 100])('%i keys are as many operations', (count) => {
    const keys = Array.from({ length: count }, (_, n) => 'k'.repeat(n * 3));
    expect(countItems(GetManyRequest.encode({ keys }).finish())).toBe(count);
  });

  test('writes are counted whatever they weigh', () => {
    const writes = [1, 200, 70_000].map((bytes) => ({
      write: {
        $case: 'set' as const,
        value: { key: 'k', value: new Uint8Array(bytes), encoding: 0 as const, ttlMs: 0n },
      },
    }));
    expect(countItems(BatchRequest.encode({ writes }).finish())).toBe(3);
  });

  test.each([[[]], [[0xff, 0xff, 0xff]], [[0x0a]], [[0x08, 1, 0x0a, 0]]])(
    'bytes that are no such message, %j, are one',
    (body) => {
      expect(countItems(Uint8Array.from(body))).toBe(1);
    },
  );
});
