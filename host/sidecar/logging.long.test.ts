import { expect, test } from 'vitest';
import { Harness } from './launch.test-support.js';

test('a line of 100 MB on stderr is cut, and the host stays small', async () => {
  const harness = new Harness();
  const sidecar = await harness.plugin('');
  const before = process.memoryUsage.rss();
  const bytes = 100 * 1024 * 1024;
  const body = Buffer.from(JSON.stringify({ stream: 'stderr', bytes }));
  await sidecar.call('/test.Echo/PrintLong', body, { timeoutMs: 60_000 });
  const entry = await harness.tape.waitFor((line) => 'truncated_bytes' in line);
  expect(entry['truncated_bytes']).toBe(bytes - 64 * 1024);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  await harness.close();
});
