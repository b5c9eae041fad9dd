import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const STALE = new URL('../../scripts/bootstrap/stale.mjs', import.meta.url).href;

test('a build keeps nothing of sources that are gone, and everything that another tool made', async () => {
  const root = await mkdtemp(join(tmpdir(), 'bulkhead stale '));
  try {
    const files = [
      'sdk/kept.ts',
      'sdk/dist/kept.js',
      'sdk/dist/kept.d.ts',
      'sdk/dist/bin.cjs',
      'sdk/dist/.tsbuildinfo',
      'sdk/dist/moved/gone.js',
      'sdk/dist/moved/gone.js.map',
      'sdk/dist/moved/gone.d.ts',
      'plugins/one/dist/gone.js',
    ];
    for (const file of files) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), '');
    }
    const script = `import(${JSON.stringify(STALE)}).then(({ removeStaleOutputs }) => removeStaleOutputs(${JSON.stringify(root)}))`;
    await promisify(execFile)(process.execPath, ['-e', script]);
    const left = await readdir(root, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['kept.ts', 'kept.js', 'kept.d.ts', 'bin.cjs', '.tsbuildinfo']),
    );
    expect(left.filter(({ name }) => name.startsWith('gone'))).toEqual([]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
