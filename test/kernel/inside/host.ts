// A host with hostile plugins, behind one wall after the other. The operator's keeps a fork bomb, and is to be killed.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Launch, Sidecar } from '../../../host/sidecar/sidecar.js';
import { DONE, wallsOf, withPlugins, type Extent, type PLUGINS, type User, type Wall } from './checks.js';
import { attempt, launchHostile, openLauncher } from './hostile.js';
import { check, until } from './report.js';
import { cgroupOf, processesIn, readCgroup, readCount } from './tree.js';

const MEMORY_MIB = 300;
const MEMORY_BYTES = MEMORY_MIB * 1024 * 1024;
/** Little more than what four Nodes have. */
const MAX_TASKS = 30;
/** bubblewrap, the first process of its namespace, and the plugin. */
const PROCESSES: Readonly<Record<Wall, number>> = { strict: 3, basic: 1 };

const user: User = process.argv[2] === 'root' ? 'root' : 'operator';
const extent: Extent = process.argv[3] === 'long' ? 'long' : 'short';
const runDir = join('/var/tmp', user);
const folder = cgroupOf(process.pid);

for (const wall of wallsOf(user, extent)) await checkWall(wall, await openLauncher(wall, runDir));
if (user === 'operator') await bomb(await openLauncher('basic', runDir));
process.stdout.write(`${DONE}\n`);

async function checkWall(wall: Wall, launcher: Launch): Promise<void> {
  const say = (what: keyof typeof PLUGINS, run: () => Promise<void>): Promise<void> =>
    check(withPlugins(user, wall, what), run);
  const [quiet, forking] = await Promise.all([
    launchHostile(launcher, 'quiet', false, { processes: MAX_TASKS, memoryBytes: MEMORY_BYTES, cpu: 1.5 }),
    launchHostile(launcher, 'forking', true, { processes: MAX_TASKS, cpu: 0.5 }),
  ]);
  const cells = { quiet: cgroupOf(quiet.pid), forking: cgroupOf(forking.pid) };
  const answers = async (): Promise<void> => assert.match(await attempt(quiet, 'own-directory'), /"got"/);

  await say('cells', async () => {
    assert.equal(cgroupOf(process.pid), join(folder, 'bulkhead-host'));
    assert.notEqual(cells.quiet, cells.forking);
    for (const cell of Object.values(cells)) {
      assert.ok(cell.startsWith(join(folder, 'bulkhead-plugin-')), cell);
      assert.equal(processesIn(cell).length, PROCESSES[wall]);
    }
    const files = ['memory.max', 'memory.swap.max', 'memory.oom.group', 'pids.max', 'cpu.max'];
    const read = (cell: string): readonly string[] =>
      files.map((file) => (existsSync(join(cell, file)) ? readCgroup(cell, file) : 'none'));
    const [, swap] = read(cells.quiet);
    assert.ok(swap === '0' || swap === 'none', swap);
    assert.deepEqual(read(cells.quiet).toSpliced(1, 1), [String(MEMORY_BYTES), '1', '30', '150000 100000']);
    assert.deepEqual(read(cells.forking).toSpliced(1, 1), ['max', '1', '30', '50000 100000']);
    await answers();
  });
  await say('forks', async () => {
    attempt(forking, 'fork-bomb').catch(() => {});
    await until('the fork bomb is refused a process', async () => {
      await answers();
      assert.ok(Number(readCgroup(cells.forking, 'pids.current')) <= MAX_TASKS);
      return readCount(cells.forking, 'pids.events', 'max') > 0;
    });
    assert.ok(processesIn(cells.forking).length > PROCESSES[wall]);
  });
  await say('throttled', () =>
    until('the fork bomb waits', () => readCount(cells.forking, 'cpu.stat', 'nr_throttled') > 0),
  );
  await say('ended', async () => {
    const { signal, code } = await forking.kill('it is a bomb');
    assert.deepEqual([signal, code], ['SIGKILL', undefined]);
    assert.equal(existsSync(cells.forking), false);
  });
  await say('threads', async () => {
    assert.match(await attempt(quiet, 'thread-bomb'), /"refused":"ERR_WORKER_INIT_FAILED"/);
    assert.ok(readCount(cells.quiet, 'pids.events', 'max') > 0);
    await answers();
  });
  await say('memory', () => checkMemory(quiet, cells.quiet));
}

async function checkMemory(sidecar: Sidecar, cell: string): Promise<void> {
  attempt(sidecar, 'eat-memory').catch(() => {});
  const { signal, code, reason } = await sidecar.exited;
  assert.deepEqual([signal, code], ['SIGKILL', 'OUT_OF_MEMORY']);
  assert.ok(reason?.includes(`it may use ${MEMORY_MIB} MiB, and the kernel ended it there`), reason);
  assert.equal(existsSync(cell), false);
}

/** Behind the basic wall its processes outlive the host. */
async function bomb(launcher: Launch): Promise<void> {
  const forking = await launchHostile(launcher, 'forking', true, { processes: MAX_TASKS, cpu: 0.5 });
  const cell = cgroupOf(forking.pid);
  attempt(forking, 'fork-bomb').catch(() => {});
  await until('the fork bomb is refused a process', () => readCount(cell, 'pids.events', 'max') > 0);
}
