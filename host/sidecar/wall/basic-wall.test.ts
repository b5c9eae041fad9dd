import { expect, test } from 'vitest';
import { describeLaunch } from '../launch.test-support.js';
import { createBasicWall } from './basic-wall.js';

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
    { launchDir: '/run/bulkhead-test/l1', env: {} },
  );
  for (const flag of ['--allow-fs-read=', '--allow-fs-write=']) {
    const paths = args.filter((arg) => arg.startsWith(flag)).map((arg) => arg.slice(flag.length));
    expect(paths).toEqual([...new Set(paths)].sort());
    expect(paths).toContain('/var/lib/bulkhead-test/data');
    expect(paths).not.toContain('/var/lib/bulkhead-test/data/');
  }
});
