import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterPrefix } from './byte-order.js';

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('the end of a prefix', () => {
  test('comes after every text that begins with it, and before every other that comes after', () => {
    const text = fc.string({ unit: 'binary', maxLength: 4 });
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const end = afterPrefix(prefix);
        const within = compare(other, prefix) >= 0 && (end === undefined || compare(other, end) < 0);
        expect(within).toBe(other.startsWith(prefix));
        const longer = prefix + other;
        expect(end === undefined || compare(longer, end) < 0).toBe(true);
      }),
    );
  });

  test.each([
    ['a', 'b'],
    ['az', 'a{'],
    ['\u{d7ff}', '\u{e000}'],
    ['a\u{10ffff}', 'b'],
    ['\u{10ffff}', undefined],
    ['', undefined],
  ])('of %j is %j', (prefix, end) => {
    expect(afterPrefix(prefix)).toBe(end);
  });
});
