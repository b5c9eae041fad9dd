import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock, type Clock } from '../../clock.js';
import { watchTree } from './watch-tree.js';

let root: string;
let changes: number;
/** Times that the watch began to wait for quiet: at each change that counts. */
let armed: number;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bulkhead-watch-'));
  for (const folder of ['src/deep', 'dist', 'node_modules/a'])
    await mkdir(join(root, folder), { recursive: true });
  changes = 0;
  armed = 0;
  const clock: Clock = {
    ...systemClock,
    after(ms, callback) {
      armed += 1;
      return systemClock.after(ms, callback);
    },
  };
  const tree = await watchTree(root, clock, () => void (changes += 1));
  onTestFinished(async () => {
    tree.close();
    await rm(root, { recursive: true, force: true });
  });
});

const waitFor = (count: number) => vi.waitFor(() => expect(changes).toBe(count), { timeout: 10_000 });

it('tells of several saves once, in folders that came later too', async () => {
  await Promise.all(['a', 'b', 'c'].map((name) => writeFile(join(root, 'src', name), '')));
  await waitFor(1);
  await mkdir(join(root, 'src', 'later'));
  await waitFor(2);
  await writeFile(join(root, 'src', 'later', 'new'), '');
  await waitFor(3);
});

it('tells nothing of what is built, installed, generated or an editor’s', async () => {
  const ignored = [
    'plugin.gen.d.ts',
    'src/.a.swp',
    'src/a~',
    'x.tsbuildinfo',
    'dist/index.js',
    'node_modules/a/x',
    'x.tgz',
  ];
  // A watch of the test's own: what it has seen of a folder, the older one has seen before it.
  const seen = Promise.all([sawFile(root, 'x.tgz'), sawFile(join(root, 'src'), 'a~')]);
  for (const path of ignored) await writeFile(join(root, path), '');
  await seen;
  expect(armed).toBe(0);
  await writeFile(join(root, 'src', 'deep', 'real'), '');
  await waitFor(1);
});

async function sawFile(folder: string, file: string): Promise<void> {
  const watcher = watch(folder);
  onTestFinished(() => {
    watcher.close();
  });
  for (;;) {
    const [, name] = (await once(watcher, 'change')) as [string, string | null];
    if (name === file) return;
  }
}
