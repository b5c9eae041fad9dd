import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTestCli } from '../../host/cli/cli.test-support.js';
import { benchCommand } from '../../host/cli/commands/bench.js';
import { PARTS } from '../bench/parts/parts.js';
import { SCENARIOS } from '../bench/scenarios.js';

const names = PARTS.flatMap((part) => part.names);

test('docs/benchmarks.md lists every part of the benchmark, and no other', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/benchmarks.md'), 'utf8');
  const table = text.slice(text.indexOf('## Parts'), text.indexOf('## Method'));
  const listed = table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(listed.toSorted()).toEqual(names.toSorted());
});

test('the help of bulkhead bench names every part that is not a call', () => {
  const calls = new Set(SCENARIOS.map(({ name }) => name));
  const { cli } = createTestCli(import.meta.dirname);
  const help = benchCommand(cli).options.find(({ long }) => long === '--only');
  for (const name of names.filter((one) => !calls.has(one))) expect(help?.description).toContain(name);
});

test('no two parts have one name', () => {
  expect(new Set(names).size).toBe(names.length);
});
