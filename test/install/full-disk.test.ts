import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createProject, pluginPackage, writePackage } from './project.test-support.js';

const DISK_BYTES = 6 * 1024 * 1024;
const folder = await mkdtemp(join(tmpdir(), 'install-disk-'));
// Only root may mount, and not in every container.
const isMounted = mount();

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(DISK_BYTES)}`, 'tmpfs', folder], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

afterAll(async () => {
  if (isMounted) execFileSync('umount', ['-l', folder]);
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(!isMounted)('a disk that is full', () => {
  // Nothing fits; the package does, its SDK does not; all but the last files do.
  it.each([0, 100_000, 1_000_000])(
    'with %i bytes left: is said as the reason, and leaves the version that was there',
    async (roomBytes) => {
      await using project = await createProject('http://127.0.0.1:9/');
      const places = ['--plugins-dir', join(folder, 'plugins'), '--cache-dir', join(folder, 'cache')];
      const install = (spec: string) => project.run('plugin', 'install', spec, ...places);
      await writePackage(project, 'one', pluginPackage());
      await writePackage(
        project,
        'two',
        pluginPackage({ version: '1.1.0', files: { 'large.bin': 'x'.repeat(3_000_000) } }),
      );
      expect(await install('./one')).toMatchObject({ code: 0 });
      const lock = await project.read('plugins.lock.json');
      const ballast = join(folder, 'ballast');
      mkdirSync(folder, { recursive: true });
      fill(ballast, roomBytes);
      const refused = await install('./two');
      expect(refused.code).toBe(1);
      expect(refused.err).toMatch(/DISK_FULL: .*bulkhead plugin prune/);
      expect(refused.err).not.toContain('    at ');
      expect(await project.read('plugins.lock.json')).toBe(lock);
      expect(await readdir(join(folder, 'plugins', '.staging'))).toEqual([]);
      expect((await readdir(join(folder, 'cache', 'sdk'))).every((name) => !name.includes('.'))).toBe(true);
      rmSync(ballast);
      expect(await install('./two')).toMatchObject({ code: 0 });
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    },
    60_000,
  );
});

/** Takes all of the disk but so many bytes. */
function fill(file: string, roomBytes: number): void {
  const available = execFileSync('df', ['--output=avail', '-B1', folder], { encoding: 'utf8' });
  const bytes = Number(available.trim().split('\n').at(-1)) - roomBytes;
  if (bytes > 0) writeFileSync(file, Buffer.alloc(bytes));
}
