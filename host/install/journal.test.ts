import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commitChange, finishChange, type Change } from './journal.js';

let folder: string;
let pluginsDir: string;
let change: Change;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
  pluginsDir = join(folder, 'plugins');
  for (const name of ['a/1', 'a/2', 'b/1']) await mkdir(join(pluginsDir, name), { recursive: true });
  const lockFile = join(folder, 'plugins.lock.json');
  await commitChange(pluginsDir, {
    lockFile,
    lock: 'old',
    plugins: [
      { id: 'a', folder: '1', lockfile: 'old graph' },
      { id: 'b', folder: '1', lockfile: 'b graph' },
    ],
  });
  change = {
    lockFile,
    lock: 'new',
    plugins: [
      { id: 'a', folder: '2', lockfile: 'new graph' },
      { id: 'b', folder: null, lockfile: null },
    ],
  };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function state(): Promise<object> {
  return {
    lock: await readFile(join(folder, 'plugins.lock.json'), 'utf8'),
    locks: (await readdir(join(folder, 'locks'))).toSorted(),
    graph: await readFile(join(folder, 'locks', 'a', 'pnpm-lock.yaml'), 'utf8'),
    current: await readlink(join(pluginsDir, 'a', 'current')),
    plugins: (await readdir(pluginsDir)).filter((name) => !name.startsWith('.')).toSorted(),
    noted: (await readdir(pluginsDir)).includes('.journal.json'),
  };
}

const DONE = { lock: 'new', locks: ['a'], graph: 'new graph', current: '2', plugins: ['a'], noted: false };

describe('a change of several files', () => {
  it('is done as a whole', async () => {
    await commitChange(pluginsDir, change);
    expect(await state()).toEqual(DONE);
    expect(await finishChange(pluginsDir)).toBe(false);
  });

  /** What had been done when it was killed, step after step. */
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ['nothing', () => Promise.resolve()],
    ['the dependency lockfile', () => writeFile(join(folder, 'locks', 'a', 'pnpm-lock.yaml'), 'new graph')],
    ['the lock', () => writeFile(join(folder, 'plugins.lock.json'), 'new')],
    ['what was removed', () => rm(join(pluginsDir, 'b'), { recursive: true })],
    [
      'the link',
      async () => {
        const { symlink } = await import('node:fs/promises');
        await symlink('2', join(pluginsDir, 'new-link'));
        await rename(join(pluginsDir, 'new-link'), join(pluginsDir, 'a', 'current'));
      },
    ],
  ];

  it.each(steps.map(([name], index) => [name, index] as const))(
    'that was killed after %s is finished by the next one',
    async (_name, index) => {
      await writeFile(join(pluginsDir, '.journal.json'), JSON.stringify(change));
      for (const [, step] of steps.slice(0, index + 1)) await step();
      expect(await finishChange(pluginsDir)).toBe(true);
      expect(await state()).toEqual(DONE);
    },
  );

  it('that was killed before it was noted did not happen', async () => {
    const before = await state();
    expect(await finishChange(pluginsDir)).toBe(false);
    expect(await state()).toEqual(before);
  });
});
