import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLaunchDirectory } from './launch-directory.js';
import {
  describeLaunch,
  fixture,
  Harness,
  leftProcesses,
  pluginProcesses,
  WALLS,
} from './launch.test-support.js';
import { identifyProcess } from './process-identity.js';
import { sweepLeftovers } from './sweep.js';

describe.each(WALLS)('behind the wall %s:', (kind) => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness(kind);
  });
  afterEach(() => harness.close());

  /** A host of its own, with one plugin. */
  async function startHost(vices: string): Promise<{ child: ChildProcess; plugin: number }> {
    const description = JSON.stringify(describeLaunch({ env: { FIXTURE: vices } }));
    const child = spawn(process.execPath, [fixture('doomed-host.mjs'), harness.runDir, description, kind], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    const [line] = (await once(lines, 'line')) as [string];
    lines.close();
    return { child, plugin: (JSON.parse(line) as { plugin: number }).plugin };
  }

  async function killHost(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  test('after kill -9 of the host a plugin that heeds its lifeline ends by itself, and the sweep takes the directory', async () => {
    const { child, plugin } = await startHost('');
    await killHost(child);
    await harness.untilGone(plugin);
    expect(await sweepLeftovers(harness.runDir)).toMatchObject({ killed: [], removed: [expect.any(String)] });
  });

  test.runIf(kind === 'strict')('kill -9 of the host ends all of a sandbox, whatever is in it', async () => {
    const { child, plugin } = await startHost('no-lifeline,ignore-term,grandchild,escaped-grandchild');
    expect(pluginProcesses(harness.runDir)).toHaveLength(3);
    await killHost(child);
    await harness.untilGone(plugin);
    await expect.poll(() => leftProcesses(harness.runDir), { timeout: 10_000 }).toEqual([]);
    expect(await sweepLeftovers(harness.runDir)).toMatchObject({ killed: [], removed: [expect.any(String)] });
  });

  test.runIf(kind === 'strict')('the sweep kills a sandbox that outlived its host', async () => {
    const { child, plugin } = await startHost('');
    // Its record says that the host is another one, which is gone.
    const recordFile = join(
      harness.runDir,
      readdirSync(harness.runDir).find((name) => name.endsWith('.json')) ?? '',
    );
    const record = JSON.parse(readFileSync(recordFile, 'utf8')) as { host: object };
    writeFileSync(recordFile, JSON.stringify({ ...record, host: { pid: 1, startTime: 'another boot/1' } }));
    const { killed } = await sweepLeftovers(harness.runDir);
    expect(killed).toContain(plugin);
    expect(leftProcesses(harness.runDir)).toEqual([]);
    await killHost(child);
  });

  test.runIf(kind === 'basic')('kill -9 of the host ends a plugin that spins and heeds nothing', async () => {
    const { child, plugin } = await startHost('no-lifeline,ignore-term,spin');
    await killHost(child);
    await harness.untilGone(plugin);
    expect(await sweepLeftovers(harness.runDir)).toMatchObject({ killed: [], removed: [expect.any(String)] });
  });

  test.runIf(kind !== 'strict')(
    'after kill -9 of the host the sweep kills what lives on: the plugin, its group, and who left the group',
    async () => {
      const { child, plugin } = await startHost('no-lifeline,grandchild,escaped-grandchild');
      await killHost(child);
      // Under basic the kernel ends the plugin itself.
      if (kind === 'basic') await harness.untilGone(plugin);
      const left = leftProcesses(harness.runDir);
      expect(left).toHaveLength(kind === 'basic' ? 2 : 3);
      expect(left.includes(plugin)).toBe(kind !== 'basic');
      const report = await sweepLeftovers(harness.runDir);
      expect(new Set(report.killed)).toEqual(new Set(left));
      expect(await sweepLeftovers(harness.runDir)).toEqual({ killed: [], removed: [] });
    },
  );

  test('nothing of a host that still runs is touched', async () => {
    const { child, plugin } = await startHost('');
    const own = await harness.plugin('');
    expect(await sweepLeftovers(harness.runDir)).toEqual({ killed: [], removed: [] });
    expect(new Set(pluginProcesses(harness.runDir))).toEqual(new Set([plugin, own.pid]));
    await killHost(child);
    await harness.untilGone(plugin);
    await sweepLeftovers(harness.runDir);
  });

  test('a process that only has the recorded number is not killed, and a forged record removes nothing', async () => {
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(bystander, 'spawn');
    const dead = { pid: bystander.pid ?? 0, startTime: 'another boot/1' };
    const directory = await createLaunchDirectory(harness.runDir, 'probe');
    const record = { name: 'probe', directory: directory.path, host: dead, plugin: dead };
    const recordFile = readdirSync(harness.runDir).find((name) => name.endsWith('.json')) ?? '';
    writeFileSync(join(harness.runDir, recordFile), JSON.stringify(record));
    const kept = join(harness.runDir, 'kept');
    mkdirSync(kept);
    writeFileSync(join(harness.runDir, '1-00000000.json'), JSON.stringify({ ...record, directory: kept }));

    expect(await sweepLeftovers(harness.runDir)).toEqual({ killed: [], removed: [directory.path] });
    expect(bystander.exitCode).toBeNull();
    expect(identifyProcess(bystander.pid ?? 0).startTime).not.toBe('');
    expect(readdirSync(harness.runDir).sort()).toEqual(['1-00000000.json', 'kept']);

    bystander.kill('SIGKILL');
    await once(bystander, 'exit');
    rmSync(kept, { recursive: true });
    rmSync(join(harness.runDir, '1-00000000.json'));
  });

  test('a run directory that does not exist has no leftovers', async () => {
    expect(await sweepLeftovers(join(harness.runDir, 'none'))).toEqual({ killed: [], removed: [] });
  });
});
