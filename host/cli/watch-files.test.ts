import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { type FileWatch, watchFiles } from './watch-files.js';

let folder: string;
let watch: FileWatch;
let changes: number;
let changed: PromiseWithResolvers<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead watch-'));
  await writeFile(join(folder, 'a.yaml'), '1');
  changes = 0;
  changed = Promise.withResolvers();
  watch = watchFiles(systemClock, () => {
    changes += 1;
    changed.resolve();
  });
});

afterEach(async () => {
  watch.close();
  await rm(folder, { recursive: true, force: true });
});

describe('watching files', () => {
  test('tells several writes in a row once', async () => {
    watch.set([join(folder, 'a.yaml')]);
    for (const text of ['2', '3', '4']) await writeFile(join(folder, 'a.yaml'), text);
    await changed.promise;
    expect(changes).toBe(1);
  });

  test('sees a new file put in the place of the old one, as editors do', async () => {
    watch.set([join(folder, 'a.yaml')]);
    await writeFile(join(folder, 'a.yaml.tmp'), '2');
    await rename(join(folder, 'a.yaml.tmp'), join(folder, 'a.yaml'));
    await changed.promise;
    expect(changes).toBe(1);
  });

  test('does not tell of a neighbour', async () => {
    watch.set([join(folder, 'a.yaml')]);
    await writeFile(join(folder, 'b.yaml'), '1');
    // What comes later is seen, so the neighbour would have been.
    const neighbour = watchFiles(systemClock, () => {
      changed.resolve();
    });
    neighbour.set([join(folder, 'c.yaml')]);
    await writeFile(join(folder, 'c.yaml'), '1');
    await changed.promise;
    neighbour.close();
    expect(changes).toBe(0);
  });
});
