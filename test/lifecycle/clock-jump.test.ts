import { afterEach, expect, test, vi } from 'vitest';
import { fixture, realHost, type RealHost } from './real-host.test-support.js';

const DAY_MS = 24 * 3_600_000;
/** Goes beside the link, where a deadline is a time of day. */
const LARGE = 'x'.repeat(200_000);

let h: RealHost | undefined;
afterEach(async () => {
  vi.useRealTimers();
  await h?.close();
});

// Deadlines, health checks, backoff and the crash window go by a clock that does not jump.
test.each([
  ['forwards', DAY_MS],
  ['back', -DAY_MS],
])('a clock that jumps %s by a day, in host and plugin, changes nothing', async (_where, aheadMs) => {
  h = await realHost({
    plugins: { slow: { plugin: fixture('slow') } },
    // Deadlines are looked at often, and a slow machine is not blamed.
    lifecycle: { health_interval_ms: 50, health_timeout_ms: 200, health_misses: 100 },
  });
  const { host } = h;
  await host.start();
  const invoke = async (args: object): Promise<boolean> =>
    (await host.invoke('tool_pre_invoke', { name: 'x', args })).allowed;
  // A health check was made: when its deadline is looked at, so are all.
  await expect.poll(() => host.status().plugins[0]?.instances[0]?.eventLoopDelayP99Us).toBeDefined();
  const underWay = [invoke({ sleep_ms: 1_000 }), invoke({ sleep_ms: 1_000, note: LARGE })];
  expect(await invoke({ clock_ahead_ms: aheadMs })).toBe(true);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + aheadMs });
  const later = [invoke({ sleep_ms: 500 }), invoke({ sleep_ms: 500, note: LARGE })];
  expect(await Promise.all([...underWay, ...later])).toEqual([true, true, true, true]);
  expect(h.events.map(({ kind }) => kind)).not.toContain('restart');
  expect(host.status()).toMatchObject({ notReady: [], plugins: [{ restarts: 0, serving: true }] });
});
