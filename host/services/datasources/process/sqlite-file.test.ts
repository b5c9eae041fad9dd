import { closeSync, openSync } from 'node:fs';
import { mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assertOnlyOpen, openFiles, resolveSqliteFile } from './sqlite-file.js';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead-sqlite-')));
  await writeFile(join(folder, 'own.db'), '');
  await writeFile(join(folder, 'other.db'), '');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(process.platform !== 'linux')('what a process opened', () => {
  test('is the file that was looked at, or it is refused', async () => {
    const before = openFiles();
    const real = resolveSqliteFile(join(folder, 'own.db'), { own: '/none', listed: [folder], closed: [] });
    // Between the look and the opening somebody puts another file there.
    await rename(real, join(folder, 'moved.db'));
    await symlink(join(folder, 'other.db'), real);
    const descriptor = openSync(real, 'r');
    try {
      expect(() => {
        assertOnlyOpen(real, before);
      }).toThrow(expect.objectContaining({ code: 'QUERY_FAILED' }));
    } finally {
      closeSync(descriptor);
    }
  });

  test('may be the file, its log, and what was open before', () => {
    const earlier = openSync(join(folder, 'other.db'), 'r');
    const before = openFiles();
    const real = join(folder, 'own.db');
    const opened = [openSync(real, 'r'), openSync(`${real}-wal`, 'w')];
    try {
      assertOnlyOpen(real, before);
    } finally {
      for (const descriptor of [earlier, ...opened]) closeSync(descriptor);
    }
  });
});
