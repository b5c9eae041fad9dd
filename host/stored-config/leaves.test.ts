import { expect, test } from 'vitest';
import { changeLeaves, type Leaf } from './leaves.js';

const BY = { kind: 'plugin', id: 'notes' } as const;

test('a change that holds far too much is refused before it is held against what is there', () => {
  const before: readonly Leaf[] = Array.from({ length: 5_000 }, (_, index) => ({
    path: ['config', 'kept', `k${index}`],
    value: 1,
    by: BY,
    at: 0,
  }));
  const set = { config: Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`n${index}`, 1])) };
  let looks = 0;
  const watched = before.map((leaf) => ({
    ...leaf,
    get path() {
      looks += 1;
      return leaf.path;
    },
  }));
  expect(() => changeLeaves(watched, { set }, BY, 1)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  );
  expect(looks).toBeLessThan(100_000);
});
