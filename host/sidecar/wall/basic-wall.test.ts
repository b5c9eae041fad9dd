import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeLaunch, Harness } from '../launch.test-support.js';
import { createBasicWall } from './basic-wall.js';

describe('behind the basic wall', () => {
  let harness: Harness;
  let folder: string;
  beforeEach(() => {
    harness = new Harness('basic');
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'bh-basic-')));
  });
  afterEach(async () => {
    await harness.close();
    rmSync(folder, { recursive: true });
  });

  test.each(['data', 'da ta', 'da"t\\a'])(
    'a Node that a plugin starts keeps to the paths of the plugin, and may start another (%j)',
    async (name) => {
      const dataDir = join(folder, name);
      mkdirSync(dataDir);
      writeFileSync(join(dataDir, 'own'), 'own');
      writeFileSync(join(folder, 'foreign'), 'foreign');
      const sidecar = await harness.plugin('', { dataDir });
      const outcomes = `[
        fs.readFileSync(${JSON.stringify(join(dataDir, 'own'))}, 'utf8'),
        attempt(() => fs.readFileSync(${JSON.stringify(join(folder, 'foreign'))}, 'utf8')),
        child.spawnSync(process.execPath, ['-e', 'process.exit(7)']).status,
      ]`;
      const program = `
        const [fs, child] = [require('node:fs'), require('node:child_process')];
        const attempt = (act) => { try { return act(); } catch ({ code }) { return code; } };
        console.log(JSON.stringify(${outcomes}));`;
      const answer = await sidecar.call(
        '/test.Echo/Evaluate',
        Buffer.from(
          `const { stdout, stderr } = child.spawnSync(process.execPath, ['-e', ${JSON.stringify(program)}], { encoding: 'utf8' });
           return stdout === '' ? stderr : JSON.parse(stdout);`,
        ),
      );
      expect(JSON.parse(Buffer.from(answer).toString())).toEqual(['own', 'ERR_ACCESS_DENIED', 7]);
    },
  );
});

test('each path is allowed once, and a folder before what is in it: Node 22 aborts otherwise', async () => {
  const wall = await createBasicWall({ platform: 'linux' });
  const { args } = await wall.enclose(
    describeLaunch({
      command: ['node', 'index.js'],
      cwd: import.meta.dirname,
      dataDir: '/var/lib/bulkhead-test/data/',
      reach: {
        network: [],
        filesystem: [
          { path: '/srv/bulkhead-test/b', access: 'rw' },
          { path: '/srv/bulkhead-test/a', access: 'ro' },
          { path: '/srv/bulkhead-test', access: 'ro' },
          { path: '/var/lib/bulkhead-test/data', access: 'ro' },
        ],
        subprocess: false,
      },
    }),
    { launchDir: '/run/bulkhead-test/l1', socketsDir: '/run/bulkhead-test/l1', env: {} },
  );
  for (const flag of ['--allow-fs-read=', '--allow-fs-write=']) {
    const paths = args.filter((arg) => arg.startsWith(flag)).map((arg) => arg.slice(flag.length));
    expect(paths).toEqual([...new Set(paths)].sort());
    expect(paths).toContain('/var/lib/bulkhead-test/data');
    expect(paths).not.toContain('/var/lib/bulkhead-test/data/');
  }
});
