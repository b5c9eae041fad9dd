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
import { readProcessStat } from '../process-identity.js';
import { openCgroups, type Cgroups } from './cgroup.js';
import type { CgroupFault } from './find-cgroup.js';

// A tree that looks like cgroup v2, for what a kernel does not do at will; what it does, the tests do.
// On a kernel itself: test/kernel.
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

const OWN = '/system.slice/bulkhead.service';
const open = (membership = `0::${OWN}\n`): Promise<Cgroups | CgroupFault> =>
  openCgroups({
    pid: 4_711,
    mount,
    readMembership: () => Promise.resolve(membership),
    // The kernel's own files go with the directory.
    removeDirectory: (path) => rm(path, { recursive: true }),
  });
const openDivided = async (membership?: string): Promise<Cgroups> => {
  const opened = await open(membership);
  if (opened.kind === 'none') throw new Error(opened.found);
  return opened;
};
const read = (...path: readonly string[]): string => readFileSync(join(own, ...path), 'utf8');
const cells = (): readonly string[] => readdirSync(own).filter((name) => name.startsWith('bulkhead-plugin-'));

test('the host moves into a leaf, and its cgroup is divided', async () => {
  expect(await open()).toMatchObject({
    kind: 'divided',
    folder: own,
    controllers: ['memory', 'pids', 'cpu'],
  });
  expect(read('bulkhead-host', 'cgroup.procs')).toBe('4711');
  // The kernel takes one after the other; a file keeps the last.
  expect(read('cgroup.subtree_control')).toBe('+cpu');
});

test('a host that was started in the leaf divides the cgroup around it, whoever else is in the leaf', async () => {
  mkdirSync(join(own, 'bulkhead-host'));
  writeFileSync(join(own, 'bulkhead-host', 'cgroup.procs'), '17\n4711\n');
  expect(await open(`0::${OWN}/bulkhead-host\n`)).toMatchObject({ kind: 'divided', folder: own });
  expect(read('bulkhead-host', 'cgroup.procs')).toBe('17\n4711\n');
});

test.each([
  ['version 1 only', 'no cgroup v2', (): string => '4:memory:/a\n'],
  ['the root of the machine', 'not mounted', (): string => '0::/\n'],
  [
    'one without the memory controller',
    'without the memory controller',
    (): string => {
      writeFileSync(join(own, 'cgroup.controllers'), 'cpu pids\n');
      return `0::${OWN}\n`;
    },
  ],
  [
    'one whose members are threads',
    'is threaded',
    (): string => {
      writeFileSync(join(own, 'cgroup.type'), 'threaded\n');
      return `0::${OWN}\n`;
    },
  ],
  [
    'one with others in it, whom the host cannot see',
    'others are in it (2)',
    (): string => {
      writeFileSync(join(own, 'cgroup.procs'), '0\n0\n4711\n');
      return `0::${OWN}\n`;
    },
  ],
  ['one that is not there', 'not mounted', (): string => '0::/elsewhere\n'],
])('%s is not used, and left as it is', async (_what, found, membership) => {
  expect(await open(membership())).toEqual({ kind: 'none', found: expect.stringContaining(found) });
  expect(existsSync(join(own, 'bulkhead-host'))).toBe(false);
});

test('the host goes back when the kernel does not let it divide', async () => {
  rmSync(join(own, 'cgroup.subtree_control'));
  mkdirSync(join(own, 'cgroup.subtree_control'));
  expect(await open()).toEqual({
    kind: 'none',
    found: expect.stringContaining('cannot be divided (EISDIR)'),
  });
  expect(read('cgroup.procs')).toBe('4711');
  expect(existsSync(join(own, 'bulkhead-host'))).toBe(false);
});

test('a cell carries the limits', async () => {
  const cgroups = await openDivided();
  const cell = await cgroups.create({ memoryBytes: 1_000_000, processes: 50, cpu: 0.5 });
  const [name = ''] = cells();
  expect([read(name, 'memory.max'), read(name, 'memory.swap.max'), read(name, 'memory.oom.group')]).toEqual([
    '1000000',
    '0',
    '1',
  ]);
  expect([read(name, 'pids.max'), read(name, 'cpu.max')]).toEqual(['50', '50000 100000']);
  await cell.remove();
  expect(cells()).toEqual([]);
});

test('a share of the processors that is less than the kernel takes becomes the least that it takes', async () => {
  const cgroups = await openDivided();
  await cgroups.create({ cpu: 0.001 });
  expect(read(cells()[0] ?? '', 'cpu.max')).toBe('1000 100000');
});

test('cells of a host that died are removed, those of one that lives are not, nor what is not a cell', async () => {
  const start = readProcessStat(process.pid)?.startTicks ?? '';
  const cell = (maker: string): string => `bulkhead-plugin-${maker}-0a1b2c`;
  const living = cell(`${process.pid}-${start}`);
  for (const name of [living, cell(`${process.pid}-1`), cell('4194305-77'), 'bulkhead-plugin-by-hand'])
    mkdirSync(join(own, name));
  await open();
  expect(cells().toSorted()).toEqual([living, 'bulkhead-plugin-by-hand'].toSorted());
});

test.each(WALLS)(
  'behind the wall %s a plugin is put into its cell before it runs, and the kernel’s word is its reason',
  async (kind) => {
    const cgroups = await openDivided();
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
      reason: expect.stringContaining('it may use 477 MiB, and the kernel ended it there'),
    });
    expect(cells()).toEqual([]);
    await harness.close();
  },
);

test('a program that cannot be started leaves no cell', async () => {
  const cgroups = await openDivided();
  const harness = new Harness('off');
  const wall = withCgroups(await wallOf('off'), cgroups);
  const started = harness.start({ limits: {}, cwd: '/nonexistent' }, { wall: () => Promise.resolve(wall) });
  await expect(started).rejects.toThrow('ENOENT');
  expect(cells()).toEqual([]);
  await harness.close();
});

test('a plugin that the machine had no memory for is told so', async () => {
  const cgroups = await openDivided();
  const cell = await cgroups.create({ memoryBytes: 1_000_000 });
  writeFileSync(join(own, cells()[0] ?? '', 'memory.events'), 'max 0\noom 0\noom_kill 3\n');
  expect(await cell.outOfMemory()).toBe('the-machine');
});

test('a plugin is started all the same where its cell cannot be made, and the host hears of it', async () => {
  const harness = new Harness('off');
  const heard: unknown[] = [];
  const refusing = { create: () => Promise.reject(new Error('no more')) };
  const wall = withCgroups(await wallOf('off'), refusing, (plugin, error) => heard.push(plugin, error));
  await harness.start({ env: { FIXTURE: '' }, limits: {} }, { wall: () => Promise.resolve(wall) });
  expect(heard).toEqual(['probe', new Error('no more')]);
  await harness.close();
});
