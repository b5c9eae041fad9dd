import { expect, test } from 'vitest';
import { createObjectIds } from './object-id.js';

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('ids sort in the order in which they were made, within a millisecond and when the clock is set back', () => {
  const createId = createObjectIds();
  const ids = [1_000, 1_000, 1_001, 900, 900].map(createId);
  ids.push(...Array.from({ length: 10_000 }, () => createId(1_001)), createId(2_000));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !UUID_7.test(id))).toEqual([]);
});

test('an id begins with its time', () => {
  const id = createObjectIds()(Date.UTC(2026, 0, 1));
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 0, 1));
});
