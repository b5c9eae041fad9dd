import { expect, test } from 'vitest';
import { createTurns } from './turns.js';

test('owners take turns, and each one keeps its order', () => {
  const turns = createTurns<string>();
  for (const item of ['a1', 'a2', 'a3']) turns.add('a', item);
  turns.add('b', 'b1');
  turns.add(undefined, 'n1');
  turns.add('b', 'b2');
  expect([turns.size, turns.sizeOf('a'), turns.sizeOf('c')]).toEqual([6, 3, 0]);
  const taken = [1, 2, 3, 4].map(() => turns.take());
  expect(taken).toEqual(['a1', 'b1', 'n1', 'a2']);
  expect(turns.drain().toSorted()).toEqual(['a3', 'b2']);
  expect([turns.size, turns.take()]).toEqual([0, undefined]);
});
