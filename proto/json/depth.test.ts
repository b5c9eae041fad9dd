import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDeeperThan } from './depth.js';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test('the depth is that of the value, whatever its strings hold', () => {
  const nasty = fc.oneof(fc.string(), fc.stringMatching(/^["\\\\[\]{}]*$/));
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 8 },
      nasty,
      fc.integer(),
      fc.array(tie('value')),
      fc.dictionary(nasty, tie('value')),
    ),
  })).value;
  fc.assert(
    fc.property(value, fc.nat(6), (each, limit) => {
      expect(isDeeperThan(JSON.stringify(each), limit)).toBe(depthOf(each) > limit);
    }),
    { numRuns: 1_000 },
  );
});
