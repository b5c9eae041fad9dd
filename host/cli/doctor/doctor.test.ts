import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runIn } from '../cli.test-support.js';
import { checkDisk } from './disk.js';
import { judgeLimits } from './limits.js';
import { checkNode } from './node-version.js';
import { checkUser } from './user.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead doctor-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             200                  200                  processes
Max open files            1024                 524288               files
`;

describe('the doctor', () => {
  test('refuses a Node that is too old, and warns of one that is not tested', () => {
    expect(checkNode('22.12.9').level).toBe('error');
    expect(checkNode('22.13.0').level).toBe('warning');
    expect(checkNode('24.21.0').level).toBe('ok');
    expect(checkNode('26.0.0').level).toBe('warning');
  });

  test('warns of a host that runs plugins as root only', async () => {
    const machine = { platform: process.platform, arch: process.arch, node: process.execPath };
    const check = (uid: number | undefined, dataDir: string): ReturnType<typeof checkUser> =>
      checkUser({ ...machine, uid, dataDir, config: undefined });
    expect(await check(0, join(folder, 'data'))).toMatchObject([
      {
        level: 'warning',
        found: expect.stringContaining('root, and plugins too'),
        fix: expect.stringContaining('useradd'),
      },
    ]);
    expect(await check(1000, folder)).toMatchObject([{ level: 'ok' }]);
    expect(await check(undefined, folder)).toMatchObject([{ level: 'ok' }]);
  });

  test('warns of limits that are too low, and names the command that raises them', () => {
    expect(judgeLimits(LIMITS)).toMatchObject([
      { check: 'open files', level: 'warning', found: '1024', fix: expect.stringContaining('ulimit -n') },
      { check: 'processes', level: 'warning', found: '200', fix: expect.stringContaining('ulimit -u') },
    ]);
    const none = LIMITS.replaceAll(/ (200|1024) /g, ' unlimited ');
    expect(judgeLimits(none).map(({ level }) => level)).toEqual(['ok', 'ok']);
  });

  test('finds a data directory that others may write, and one that is somebody else’s', async () => {
    const uid = process.getuid?.();
    await chmod(folder, 0o700);
    expect((await checkDisk(folder, uid))[1]?.level).toBe('ok');
    await chmod(folder, 0o777);
    expect((await checkDisk(folder, uid))[1]).toMatchObject({ level: 'error', fix: `chmod go-w ${folder}` });
    expect((await checkDisk(folder, (uid ?? 0) + 1))[1]).toMatchObject({
      level: 'error',
      fix: expect.stringContaining('chown'),
    });
    expect((await checkDisk(join(folder, 'not', 'yet'), uid))[1]?.level).toBe('ok');
  });

  test('ends with 1 when something has to be mended, and says what mends it', async () => {
    const said = await runIn(folder, 'doctor');
    expect(said.code).toBe(1);
    expect(said.out).toMatch(
      /ERROR {4}configuration: .*bulkhead\.yaml does not exist\n\s+why: .*\n\s+fix: bulkhead init/,
    );
    await writeFile(join(folder, 'bulkhead.yaml'), 'environment: development\n');
    const mended = await runIn(folder, 'doctor', '--json');
    const { findings } = JSON.parse(mended.out) as { findings: readonly { check: string; level: string }[] };
    expect(findings.filter(({ check }) => check === 'configuration')).toMatchObject([{ level: 'ok' }]);
    expect(findings.find(({ check }) => check === 'daemon')).toMatchObject({
      level: 'ok',
      found: 'none runs',
    });
  });
});
