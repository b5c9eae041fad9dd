import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../clock.test-support.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { createSilentLogger } from '../../telemetry/logger.js';
import { UsageMeter, type Use } from './usage-meter.js';
import { queryUsage } from './usage-query.js';

const HOUR = 3_600_000;
const DAY_START = Date.UTC(2026, 10, 25);
let store: Store;
let clock: FakeClock;

const options = () => ({ store, clock, log: createSilentLogger(), keepDays: 30 });
const meter = (): UsageMeter => new UsageMeter(options());
const use = (change: Partial<Use> = {}): Use => ({
  kind: 'hook',
  plugin: 'pii',
  name: 'tool_pre_invoke',
  appId: '',
  outcome: 'ok',
  durationMs: 2,
  ...change,
});

describeEachStore('usage', (the) => {
  beforeEach(async () => {
    store = await the.open();
    clock = new FakeClock(DAY_START);
  });

  test('is summed up over hours, and over hosts that count on the same store', async () => {
    const [one, other] = [meter(), meter()];
    one.observe(use());
    one.observe(use({ outcome: 'denied' }));
    other.observe(use({ outcome: 'failed' }));
    clock.advance(HOUR);
    one.observe(use());
    await Promise.all([one.flush(), other.flush()]);
    expect(await queryUsage(store, {})).toEqual([
      {
        atMs: 0,
        kind: 'hook',
        plugin: 'pii',
        name: 'tool_pre_invoke',
        appId: '',
        calls: 4,
        denied: 1,
        failed: 1,
        durationMs: 8,
      },
    ]);
  });

  test('loses nothing when hosts write the same rows at once, whichever came first on each', async () => {
    const hosts = [meter(), new UsageMeter({ ...options(), store: await the.open() })];
    const apps = Array.from({ length: 400 }, (_, n) => `app ${n}`);
    for (let round = 0; round < 5; round += 1) {
      for (const [n, host] of hosts.entries())
        for (const appId of n === 0 ? apps : apps.toReversed()) host.observe(use({ appId }));
      await Promise.all(hosts.map((host) => host.flush()));
    }
    const rows = await queryUsage(store, {});
    expect(rows.reduce((sum, { calls }) => sum + calls, 0)).toBe(2 * 5 * apps.length);
  });

  test('comes in steps, within a time, of one plugin, app or name', async () => {
    const count = meter();
    for (let hour = 0; hour < 26; hour += 1) {
      count.observe(use({ appId: hour % 2 === 0 ? 'a' : 'b' }));
      clock.advance(HOUR);
    }
    await count.flush();
    const hours = await queryUsage(store, { step: 'hour', appId: 'a', fromMs: DAY_START + 2 * HOUR });
    expect(hours.map(({ atMs }) => (atMs - DAY_START) / HOUR)).toEqual([
      2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
    ]);
    const days = await queryUsage(store, { step: 'day', toMs: DAY_START + 25 * HOUR });
    expect(days.map(({ atMs, appId, calls }) => [(atMs - DAY_START) / HOUR, appId, calls])).toEqual([
      [0, 'a', 12],
      [0, 'b', 12],
      [24, 'a', 1],
    ]);
    expect(await queryUsage(store, { plugin: 'other' })).toEqual([]);
  });

  test('reaches the store by itself, and goes after its time', async () => {
    const count = meter();
    count.observe(use());
    clock.advance(5_000);
    await count.flush();
    clock.advance(31 * 24 * HOUR);
    count.observe(use({ name: 'later' }));
    await count.flush();
    expect((await queryUsage(store, {})).map(({ name }) => name)).toEqual(['later']);
  });

  test('names without end are counted without names', async () => {
    const count = meter();
    for (let n = 0; n < 11_000; n += 1) count.observe(use({ kind: 'tool', name: `tool-${n}` }));
    await count.flush();
    const rest = await queryUsage(store, { name: '' });
    expect(rest).toMatchObject([{ kind: 'tool', plugin: '', calls: 1_000 }]);
  });
});
