import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Harness } from './launch.test-support.js';

/** What is held on to, once garbage is gone. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('of a line of 100 MB on stderr next to nothing is held, before its end and after', async () => {
  const harness = new Harness();
  const sidecar = await harness.plugin('');
  const before = heldBytes();
  const bytes = 100 * 1024 * 1024;
  const print = async (end: string): Promise<void> => {
    const body = Buffer.from(JSON.stringify({ stream: 'stderr', bytes, end }));
    await sidecar.call('/test.Echo/PrintLong', body, { timeoutMs: 60_000 });
  };
  await print('');
  expect(heldBytes() - before).toBeLessThan(4 * 1024 * 1024);
  await print('\n');
  const entry = await harness.tape.waitFor((line) => 'truncated_bytes' in line);
  expect(entry['truncated_bytes']).toBe(2 * bytes - 64 * 1024);
  expect(heldBytes() - before).toBeLessThan(4 * 1024 * 1024);
  await harness.close();
});
