import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBulkheadError } from '@bulkhead/proto';
import { descendants } from '../child-processes.js';
import { fixture, Harness, pluginProcesses, WALLS } from '../launch.test-support.js';
import { readProcessUse } from './process-use.js';

const MIB = 1024 * 1024;
const EMPTY = new Uint8Array(0);
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const parse = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());
const code = (error: unknown): string => (isBulkheadError(error) ? error.code : String(error));

/** Processes and threads of a plugin and all that it started. */
function tasks(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, one) => sum + (readProcessUse(one)?.threads ?? 0), 0);
}

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'bh-data-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

describe.each(WALLS)('behind the wall %s:', (kind) => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness(kind);
  });
  afterEach(() => harness.close());

  test('a plugin that leaks buffers past its memory is killed, and out of memory is named', async () => {
    const limits = { memoryBytes: 200 * MIB };
    const sidecar = await harness.plugin('', { limits, callTimeoutMs: 25_000 });
    await sidecar.call('/test.Echo/LeakBuffers', EMPTY).catch(() => {});
    const report = await sidecar.exited;
    expect(report).toMatchObject({ code: 'OUT_OF_MEMORY', signal: 'SIGKILL' });
    expect(report.reason).toMatch(/may use 200 MiB and used [0-9]+ MiB/);
  });

  test('a plugin whose JavaScript heap is full ends by itself, and out of memory is named', async () => {
    const sidecar = await harness.plugin('', {
      command: [process.execPath, '--max-old-space-size=64', fixture('raw-plugin.mjs')],
      callTimeoutMs: 25_000,
    });
    await sidecar.call('/test.Echo/LeakHeap', EMPTY).catch(() => {});
    const report = await sidecar.exited;
    expect(report.code).toBe('OUT_OF_MEMORY');
    expect(report.reason).toContain('V8 gave up');
    expect(['SIGTRAP', 'SIGABRT']).toContain(report.signal);
  });

  test('a fork bomb ends at the limit on processes, all of it, and the host answers meanwhile', async () => {
    const neighbour = await harness.plugin('', { name: 'neighbour' });
    const answered = async (): Promise<string> =>
      Buffer.from(await neighbour.call('/test.Echo/Echo', Buffer.from('here'))).toString();
    const sidecar = await harness.plugin('', { limits: { processes: 60 } });
    const bombed = sidecar.call('/test.Echo/ForkBomb', EMPTY).catch(code);
    if (kind === 'strict' && process.getuid?.() !== 0) {
      // The kernel holds a user other than root to it: the bomb gets no further, and nobody has to end it.
      await expect.poll(() => descendants(sidecar.pid).length, { timeout: 15_000 }).toBeGreaterThan(1);
      for (let look = 0; look < 50; look += 1) {
        expect(await answered()).toBe('here');
        expect(tasks(sidecar.pid)).toBeLessThanOrEqual(60);
      }
      await sidecar.kill('seen enough');
    } else {
      let answers = 0;
      const over = sidecar.exited.then(() => true);
      while (!(await Promise.race([over, answered().then(() => false)]))) answers += 1;
      expect(answers).toBeGreaterThan(0);
      const report = await sidecar.exited;
      expect(report).toMatchObject({ code: 'LIMIT_EXCEEDED' });
      expect(report.reason).toContain('60 processes and threads');
    }
    expect(await bombed).toBe('PLUGIN_UNAVAILABLE');
    await expect.poll(() => pluginProcesses(harness.runDir), { timeout: 10_000 }).toEqual([neighbour.pid]);
  });

  test('a plugin that fills its data directory is killed, and not started again until there is room', async () => {
    const limits = { diskBytes: 8 * MIB };
    const sidecar = await harness.plugin('', { limits, dataDir });
    const filled = await sidecar.call(
      '/test.Echo/FillDisk',
      json({ directory: dataDir, files: 3, bytes: 4 * MIB }),
    );
    expect(parse(filled)).toEqual([]);
    expect(await sidecar.exited).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect((await sidecar.exited).reason).toContain('8 MiB');
    expect(await harness.plugin('', { limits, dataDir }).then(String, code)).toBe('LIMIT_EXCEEDED');
    rmSync(join(dataDir, 'file-0'));
    rmSync(join(dataDir, 'file-1'));
    await harness.plugin('', { limits, dataDir });
  });

  test.runIf(kind !== 'off')('one file cannot be larger than the limit on disk', async () => {
    const sidecar = await harness.plugin('', { limits: { diskBytes: 8 * MIB }, dataDir });
    const filled = sidecar.call(
      '/test.Echo/FillDisk',
      json({ directory: dataDir, files: 1, bytes: 32 * MIB }),
    );
    expect(await filled.then(parse, code)).toEqual(['EFBIG']);
  });

  test.runIf(kind !== 'off')('open files end at their limit, and the plugin lives on', async () => {
    const sidecar = await harness.plugin('', { limits: { openFiles: 128 } });
    const { code: failure, opened } = parse(await sidecar.call('/test.Echo/OpenFiles', EMPTY)) as {
      code: string;
      opened: number;
    };
    expect(failure).toBe('EMFILE');
    expect(opened).toBeLessThan(128);
    expect(Buffer.from(await sidecar.call('/test.Echo/Echo', Buffer.from('still'))).toString()).toBe('still');
  });
});

test('a flood of empty files counts, and links out of the directory do not', async () => {
  const { diskUse } = await import('./disk-use.js');
  mkdirSync(join(dataDir, 'inner'));
  for (let file = 0; file < 100; file += 1) writeFileSync(join(dataDir, 'inner', String(file)), '');
  const used = await diskUse([dataDir], Number.POSITIVE_INFINITY);
  expect(used).toBeGreaterThanOrEqual(100 * 4_096);
  expect(await diskUse([dataDir], 4_096)).toBeLessThan(used);
  expect(await diskUse([join(dataDir, 'none')], 1)).toBe(0);
});
