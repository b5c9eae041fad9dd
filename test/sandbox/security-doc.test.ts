import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { RESOURCE_LIMITS } from '../../host/config/resource-limits.js';
import { ATTEMPTS } from './attempts.test-support.js';

const root = new URL('../../', import.meta.url);
const text = await readFile(new URL('docs/security.md', root), 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('docs/security.md says of each attempt what the tests say, and of no other', () => {
  const start = rows.findIndex(([first]) => first === 'a plugin tries to');
  const table = rows.slice(start + 2, start + 2 + ATTEMPTS.length);
  expect(table).toEqual(ATTEMPTS.map(({ what, strict, basic, own }) => [what, strict, basic, own]));
  expect(rows[start + 2 + ATTEMPTS.length]?.[0]).toBe('with more');
});

test('the tests that it names are there', () => {
  const named = [...text.matchAll(/`((?:test|host)\/[^`]+)`/g)].map(([, path]) => path ?? '');
  expect(named.length).toBeGreaterThan(4);
  for (const path of named) expect([path, existsSync(new URL(path, root))]).toEqual([path, true]);
});

test('the defaults of the limits are those of the configuration', () => {
  const defaults = Object.entries(RESOURCE_LIMITS).map(([key, schema]) => [key, schema]);
  for (const [key, schema] of defaults) {
    const row = rows.find(([first]) => first === `\`${String(key)}\``);
    const value =
      typeof schema === 'object' && schema !== null && 'default' in schema ? String(schema.default) : 'none';
    expect([key, row?.[1]]).toEqual([key, value]);
  }
});
