import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireSha512 } from './integrity.js';
import { parseSource } from './source.js';
import { assertSourceAllowed } from './source-policy.js';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'source-')));
  await mkdir(join(folder, 'one'));
  await writeFile(join(folder, 'two.tgz'), '');
  await writeFile(join(folder, 'two.bulkhead.tgz'), '');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a source', () => {
  it.each([
    ['@scope/name', { kind: 'registry', name: '@scope/name', range: 'latest' }],
    ['@scope/name@^1.2', { kind: 'registry', name: '@scope/name', range: '^1.2' }],
    ['name@>=1 <3', { kind: 'registry', name: 'name', range: '>=1 <3' }],
    ['name@next', { kind: 'registry', name: 'name', range: 'next' }],
    ['./one', { kind: 'folder', path: './one' }],
    ['two.tgz', { kind: 'tarball', path: './two.tgz' }],
    ['./two.bulkhead.tgz', { kind: 'bundle', path: './two.bulkhead.tgz' }],
  ])('%s is read', async (spec, source) => {
    expect(await parseSource(spec, folder, folder)).toEqual(source);
  });

  it.each([
    '',
    '@',
    'Name',
    'a/b',
    'github:a/b',
    'git+https://x/y.git',
    'https://x/y',
    'name@git+https://x',
    'name@file:../x',
    'npm:left@1',
    './missing',
    'x y',
  ])("'%s' is none", async (spec) => {
    await expect(parseSource(spec, folder, folder)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('the policy of sources', () => {
  const registry = 'https://registry.example/';
  const source = { kind: 'registry', name: '@ours/guard', range: '^1' } as const;
  const facts = { source, base: '/x', registry };

  it('allows what it lists, and nothing by default in production', async () => {
    await assertSourceAllowed(facts, undefined, 'development');
    await assertSourceAllowed(
      facts,
      { registries: ['https://registry.example'], scopes: ['@ours'] },
      'production',
    );
    for (const policy of [
      undefined,
      {},
      { scopes: [] },
      { scopes: ['@other'] },
      { registries: ['https://other.example/'] },
      { folders: ['/'] },
    ]) {
      await expect(
        assertSourceAllowed(facts, policy, 'production'),
        JSON.stringify(policy),
      ).rejects.toMatchObject({ code: 'SOURCE_NOT_ALLOWED' });
    }
  });

  it('follows links of a folder before it judges', async () => {
    const { symlink } = await import('node:fs/promises');
    await symlink('/etc', join(folder, 'one', 'out'));
    const inside = { source: { kind: 'folder', path: './one' } as const, base: folder };
    await assertSourceAllowed(inside, { folders: [join(folder, 'one')] }, 'production');
    const outside = { source: { kind: 'folder', path: './one/out' } as const, base: folder };
    await expect(
      assertSourceAllowed(outside, { folders: [join(folder, 'one')] }, 'production'),
    ).rejects.toMatchObject({ code: 'SOURCE_NOT_ALLOWED' });
    const beside = { source: { kind: 'folder', path: './one-more' } as const, base: folder };
    await expect(
      assertSourceAllowed(beside, { folders: [join(folder, 'one')] }, 'production'),
    ).rejects.toMatchObject({ code: 'SOURCE_NOT_ALLOWED' });
  });

  it('never shows a password of an address', async () => {
    const secret = { ...facts, registry: 'https://me:hunter2@elsewhere.example/' };
    await expect(assertSourceAllowed(secret, { registries: [registry] }, 'production')).rejects.toThrow(
      /^(?!.*hunter2)/s,
    );
  });
});

it('only a sha512 is an integrity', () => {
  const strong = `sha512-${'A'.repeat(86)}==`;
  expect(requireSha512(`sha1-AAAA ${strong}`, 'x')).toBe(strong);
  for (const weak of [
    undefined,
    '',
    'sha1-AAAA',
    'md5-AAAA',
    `${strong}x`,
    `${strong} sha512-${'B'.repeat(86)}==`,
  ]) {
    expect(() => requireSha512(weak, 'x')).toThrow('expected one sha512 integrity');
  }
});
