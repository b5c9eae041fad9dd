import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testPlugin } from '@bulkhead/sdk/testing';
import { linesOf } from './audit-file.test-support.js';
import plugin from './index.js';

/** With the ballast gone there is room for all that a busy machine lets pile up: the disk is full once, not twice. */
const DISK_BYTES = 16 * 1024 * 1024;
const ROOM_BYTES = 32 * 1024;
const folder = await mkdtemp(join(tmpdir(), 'audit-disk-'));
// Only root may mount, and not in every container; batch-writer.test.ts covers the rest of the way everywhere.
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
  const ballast = join(folder, 'ballast');
  const path = join(folder, 'audit.jsonl');

  beforeAll(() => {
    writeFileSync(ballast, Buffer.alloc(DISK_BYTES - ROOM_BYTES));
  });

  it('drops and counts, is degraded, tears no line, and recovers', async () => {
    const logger = await testPlugin(plugin, {
      manifest: new URL('plugin.yaml', import.meta.url),
      dataDir: folder,
      config: { batch_max_lines: 50, batch_max_wait_ms: 1 },
    });
    const call = (requestId: string) =>
      logger.invoke('tool_pre_invoke', { name: 'x'.repeat(300), args: {} }, { requestId });
    const until = async (state: string, prefix: string): Promise<number> => {
      for (let count = 0; ; count += 1) {
        expect((await call(`${prefix}${String(count)}`)).allowed).toBe(true);
        // Calls in this process are promises only; the disk needs a turn of the event loop.
        await setImmediate();
        if ((await logger.health()).state === state) return count;
        expect(count).toBeLessThan(100_000);
      }
    };
    const refused = await until('degraded', 'before-');
    expect(await logger.health()).toMatchObject({ message: expect.stringMatching(/ENOSPC.*lines dropped/) });

    // The file is looked at when nothing writes it any more: what is cut short stands there until it is taken away.
    rmSync(ballast);
    const taken = await until('healthy', 'after-');
    await logger.shutdown();
    const lines = await linesOf(path);
    const lost = lines.filter(({ event }) => event === 'lines_dropped');
    expect(lost).toHaveLength(1);
    expect(Number(lost[0]?.['count'])).toBeGreaterThan(0);
    const written = lines.flatMap(({ request_id: id }) => (typeof id === 'string' ? [id] : []));
    const calls = (prefix: string, last: number) =>
      Array.from({ length: last + 1 }, (_, count) => `${prefix}${String(count)}`);
    const order = [...calls('before-', refused), ...calls('after-', taken)];
    expect(written.length).toBeGreaterThan(10);
    expect(written).toEqual(order.filter((id) => new Set(written).has(id)));
    expect(written.length + Number(lost[0]?.['count'])).toBe(order.length);
  });

  it('starts on a full disk and writes when there is room', async () => {
    rmSync(path);
    writeFileSync(ballast, Buffer.alloc(DISK_BYTES));
    const logger = await testPlugin(plugin, {
      manifest: new URL('plugin.yaml', import.meta.url),
      dataDir: folder,
    });
    rmSync(ballast);
    await logger.invoke('tool_pre_invoke', { name: 'read', args: {} });
    await logger.shutdown();
    expect(await linesOf(path)).toHaveLength(1);
  });
});
