import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLineBuffer } from './line-buffer.js';

test('lines come whole, however the bytes are cut', () => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(line), fc.integer({ min: 1, max: 7 }), (lines, size) => {
      const seen: string[] = [];
      const buffer = createLineBuffer(
        10_000,
        (text) => seen.push(text),
        () => expect.unreachable(),
      );
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      for (let at = 0; at < bytes.length; at += size) buffer.push(bytes.subarray(at, at + size));
      expect(seen).toEqual(lines);
    }),
  );
});

test('a line beyond the bound is given up once, and the next is read', () => {
  const seen: string[] = [];
  const given: number[] = [];
  const buffer = createLineBuffer(
    10,
    (text) => seen.push(text),
    (start) => given.push(start.length),
  );
  buffer.push(Buffer.from('short\n'));
  for (let part = 0; part < 5; part += 1) buffer.push(Buffer.from('xxxxxxxx'));
  buffer.push(Buffer.from('end\nnext\r\n'));
  buffer.push(Buffer.from(`${'y'.repeat(11)}\nlast\n`));
  expect(seen).toEqual(['short', 'next', 'last']);
  expect(given).toEqual([10, 10]);
});
