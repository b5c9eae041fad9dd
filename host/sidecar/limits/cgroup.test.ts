import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Harness, wallOf, WALLS } from '../launch.test-support.js';
import { withCgroups } from '../wall/with-cgroups.js';
import { openCgroups, type Cgroups } from './cgroup.js';

// A tree that looks like cgroup v2: these machines have none to try. What the kernel would do, the tests do.
let mount: string;
let own: string;
beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'bh-cgroup-'));
  own = join(mount, 'system.slice', 'bulkhead.service');
  mkdirSync(own, { recursive: true });
  for (const [file, text] of Object.entries({
    'cgroup.type': 'domain\n',
    'cgroup.procs': '',
    'cgroup.subtree_control': '',
    'cgroup.controllers': 'cpuset cpu io memory pids\n',
  })) {
    writeFileSync(join(own, file), text);
  }
});
afterEach(() => {
  rmSync(mount, { recursive: true });
});

const open = (membership = '0::/system.slice/bulkhead.service\n'): Promise<Cgroups | undefined> =>
  openCgroups({
    pid: 4_711,
    mount,
    readMembership: () => Promise.resolve(membership),
    // The kernel's own files go with the directory.
    removeDirectory: (path) => rm(path, { recursive: true }),
  });
const read = (...path: readonly string[]): string => readFileSync(join(own, ...path), 'utf8');
const cells = (): readonly string[] => readdirSync(own).filter((name) => name.startsWith('bulkhead-plugin-'));

test('the host moves into a leaf, and its cgroup is divided', async () => {
  expect(await open()).toBeDefined();
  expect(read('bulkhead-host', 'cgroup.procs')).toBe('4711');
  expect(read('cgroup.subtree_control')).toBe('+memory +pids +cpu');
});

test.each([
  ['version 1 only', (): string => '4:memory:/a\n'],
  ['the root of the machine', (): string => '0::/\n'],
  [
    'one without the memory controller',
    (): string => {
      writeFileSync(join(own, 'cgroup.controllers'), 'cpu pids\n');
      return '0::/system.slice/bulkhead.service\n';
    },
  ],
  ['one that is not there', (): string => '0::/elsewhere\n'],
])('%s is not used, and left as it is', async (_what, membership) => {
  expect(await open(membership())).toBeUndefined();
  expect(existsSync(join(own, 'bulkhead-host'))).toBe(false);
});

test('a cell carries the limits, and what a host that died left is removed', async () => {
  mkdirSync(join(own, 'bulkhead-plugin-old'));
  const cgroups = await open();
  expect(cells()).toEqual([]);
  const cell = await cgroups?.create({ memoryBytes: 1_000_000, processes: 50, cpu: 0.5 });
  const [name = ''] = cells();
  expect([read(name, 'memory.max'), read(name, 'memory.swap.max'), read(name, 'memory.oom.group')]).toEqual([
    '1000000',
    '0',
    '1',
  ]);
  expect([read(name, 'pids.max'), read(name, 'cpu.max')]).toEqual(['50', '50000 100000']);
  await cell?.remove();
  expect(cells()).toEqual([]);
});

test.each(WALLS)(
  'behind the wall %s a plugin is put into its cell before it runs, and the kernel’s word is its reason',
  async (kind) => {
    const cgroups = await open();
    if (cgroups === undefined) throw new Error('no cgroups');
    const harness = new Harness(kind);
    const wall = withCgroups(await wallOf(kind), cgroups);
    const sidecar = await harness.start(
      { env: { FIXTURE: '' }, limits: { memoryBytes: 500_000_000 } },
      { wall: () => Promise.resolve(wall) },
    );
    const [name = ''] = cells();
    expect(read(name, 'cgroup.procs')).toBe('0\n');
    writeFileSync(
      join(own, name, 'memory.events'),
      'low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n',
    );
    process.kill(sidecar.pid, 'SIGKILL');
    expect(await sidecar.exited).toMatchObject({
      code: 'OUT_OF_MEMORY',
      reason: expect.stringContaining('the kernel'),
    });
    expect(cells()).toEqual([]);
    await harness.close();
  },
);

test('a program that cannot be started leaves no cell', async () => {
  const cgroups = await open();
  if (cgroups === undefined) throw new Error('no cgroups');
  const harness = new Harness('off');
  const wall = withCgroups(await wallOf('off'), cgroups);
  const started = harness.start({ limits: {}, cwd: '/nonexistent' }, { wall: () => Promise.resolve(wall) });
  await expect(started).rejects.toThrow('ENOENT');
  expect(cells()).toEqual([]);
  await harness.close();
});
