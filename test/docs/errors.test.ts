import { readFile } from 'node:fs/promises';
import { ErrorCode } from '@bulkhead/proto';
import { describe, expect, test } from 'vitest';

const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const source = await readFile(new URL('../../proto/errors.ts', import.meta.url), 'utf8');

/** Rows of the tables above the notices: code, meaning, what to do. */
const rows = (page.split('## Notices')[0] ?? '')
  .split('\n')
  .map((line) => /^\| `([A-Z_]+)`\s*\| (.+?)\s*\| (.+?)\s*\|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, code = '', meaning = '', advice = '']) => ({ code, meaning, advice }));

describe('docs/errors.md', () => {
  test('lists every code once, and no other', () => {
    expect(rows.map(({ code }) => code)).toEqual(Object.values(ErrorCode));
  });

  test('says of each what its comment in the code says', () => {
    const comments = [...source.matchAll(/\/\*\* (.+) \*\/\n {2}([A-Z_]+): '/g)];
    expect(rows.map(({ code, meaning }) => [code, meaning])).toEqual(
      comments.map(([, comment = '', code = '']) => [code, comment.replaceAll('|', String.raw`\|`)]),
    );
  });

  test('names each code as its own value', () => {
    for (const [name, value] of Object.entries(ErrorCode)) expect(value).toBe(name);
  });
});
