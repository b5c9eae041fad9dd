import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../clock.js';
import { LogTape } from '../launch.test-support.js';
import { createLimitWatch } from './limit-watch.js';
import type { Watched } from './limits-thread.js';
import type { Exceeded } from './watch-limits.js';
import { weighCgroup, weighSessions } from './weigh.js';

const MIB = 1024 * 1024;
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
});

/** A Node of its own session that does this. */
async function run(script: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', `console.log("here"); ${script}`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  if (child.pid === undefined) throw new Error('not started');
  return child.pid;
}
const watched = (root: number, limits: Watched['limits']): Watched => ({
  limits,
  tree: { root, withRoot: true },
  directories: [],
});

test('tells once that a process passed its limit, and which', async () => {
  const { log } = new LogTape();
  const watch = createLimitWatch({ log, clock: systemClock });
  const pid = await run('setInterval(() => {}, 1000)');
  const exceeded = await new Promise<Exceeded>((resolve) => {
    watch.watch(watched(pid, { memoryBytes: MIB }), resolve);
  });
  expect(exceeded.code).toBe('OUT_OF_MEMORY');
});

test('goes on watching in a new thread when the thread is lost', async () => {
  const tape = new LogTape();
  let start = (): void => {};
  const watch = createLimitWatch({
    log: tape.log,
    clock: {
      ...systemClock,
      after: (_delayMs, callback) => {
        start = callback;
        return () => {};
      },
    },
  });
  const pid = await run('setInterval(() => {}, 1000)');
  // Without a tree to look at the thread fails.
  const broken = JSON.parse('{ "limits": { "processes": 1000 }, "directories": [] }') as Watched;
  const endBroken = watch.watch(broken, () => {});
  start();
  await tape.waitFor(({ msg }) => msg.includes('is started again'));
  const exceeded = new Promise<Exceeded>((resolve) => {
    watch.watch(watched(pid, { memoryBytes: MIB }), resolve);
  });
  endBroken();
  start();
  expect((await exceeded).code).toBe('OUT_OF_MEMORY');
});

test('a cgroup is made light, and full again, and written to only when that changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bh-weight-'));
  try {
    const file = join(folder, 'cpu.weight');
    const weigh = weighCgroup(file);
    weigh([1], 'full');
    expect(existsSync(file)).toBe(false);
    weigh([1], 'light');
    expect(readFileSync(file, 'latin1')).toBe('10');
    writeFileSync(file, 'as it was');
    weigh([1, 2], 'light');
    expect(readFileSync(file, 'latin1')).toBe('as it was');
    weigh([1], 'full');
    expect(readFileSync(file, 'latin1')).toBe('100');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe.runIf(existsSync('/proc/self/autogroup'))('where the kernel shares between sessions', () => {
  const niceness = (pid: number): string | undefined =>
    readFileSync(`/proc/${pid}/autogroup`, 'latin1').split('nice ')[1]?.trim();

  test('a session is made light, and full again', async () => {
    const pid = await run('setInterval(() => {}, 1000)');
    const weigh = weighSessions();
    await expect
      .poll(() => {
        weigh([pid], 'light');
        return niceness(pid);
      })
      .toBe('10');
    await expect
      .poll(() => {
        weigh([pid], 'full');
        return niceness(pid);
      })
      .toBe('0');
  });

  test('one with a limit on processors that nothing holds gives way', async () => {
    const watch = createLimitWatch({ log: new LogTape().log, clock: systemClock });
    const pid = await run('setInterval(() => {}, 1000)');
    const end = watch.watch(watched(pid, { cpu: 1 }), () => {});
    await expect.poll(() => niceness(pid), { timeout: 10_000 }).toBe('10');
    await expect.poll(() => getPriority(pid), { timeout: 10_000 }).toBe(10);
    end();
  });
});
