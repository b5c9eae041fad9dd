import { readFile } from 'node:fs/promises';
import { BulkheadError } from '@bulkhead/proto';
import { expect, it } from 'vitest';
import { isBulkheadError } from './index.js';

it('knows the errors of the host, and nothing else', () => {
  expect(isBulkheadError(new BulkheadError('CONFLICT', 'x'))).toBe(true);
  expect(isBulkheadError(new Error('x'))).toBe(false);
  expect(isBulkheadError({ code: 'CONFLICT' })).toBe(false);
  expect(isBulkheadError(undefined)).toBe(false);
});

it('is of a package that loads no other at run time: a plugin carries the SDK alone', async () => {
  const loaded = async (file: string): Promise<readonly string[]> => {
    const text = await readFile(new URL(file, import.meta.url), 'utf8');
    const values = text.matchAll(/^(?:import|export) (?!type )[^'"]*? from '([^']+)';/gms);
    const found: string[] = [];
    for (const [, from = ''] of values) {
      found.push(...(from.startsWith('.') ? await loaded(from.replace(/\.js$/, '.ts')) : [from]));
    }
    return found;
  };
  expect(await loaded('./index.ts')).toEqual([]);
});
