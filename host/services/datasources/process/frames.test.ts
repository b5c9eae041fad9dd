import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameReader, toFrame } from './frames.js';

describe('frames', () => {
  test('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 1, max: 30 }),
        (sent, cut) => {
          const bytes = Buffer.concat(sent.map((one) => toFrame(one)));
          const reader = new FrameReader(40);
          const got: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += cut)
            got.push(...reader.push(bytes.subarray(at, at + cut)));
          expect(got.map((one) => one.toString('hex'))).toEqual(
            sent.map((one) => Buffer.from(one).toString('hex')),
          );
        },
      ),
    );
  });

  test('that are too long are refused by their length alone', () => {
    const reader = new FrameReader(40);
    expect(() => reader.push(toFrame('x'.repeat(41)).subarray(0, 4))).toThrow(RangeError);
  });
});
