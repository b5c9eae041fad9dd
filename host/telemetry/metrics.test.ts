import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Histogram } from './histogram.js';
import { createMetrics, type ObservedRecord } from './metrics.js';

const run: ObservedRecord = {
  plugin: 'pii',
  hook: 'tool_pre_invoke',
  requested: 'allow',
  effective: 'allow',
  status: 'completed',
  durationMs: 1,
};

describe('metrics', () => {
  test('count runs by plugin, hook and outcome', () => {
    const metrics = createMetrics();
    metrics.observe(run);
    metrics.observe(run);
    metrics.observe({ ...run, requested: 'deny', effective: 'deny' });
    metrics.observe({ ...run, requested: 'deny' });
    metrics.observe({ ...run, hook: 'tool_post_invoke', status: 'timeout', durationMs: 5_000 });
    metrics.observe({ ...run, status: 'skipped', durationMs: 0 });
    const [plugin] = metrics.snapshot().plugins;
    expect(plugin).toMatchObject({ plugin: 'pii', count: 5, maxMs: 5_000 });
    expect(plugin?.outcomes).toEqual({
      allow: 2,
      modify: 0,
      deny: 1,
      suppressed: 1,
      timeout: 1,
      error: 0,
      skipped: 1,
    });
    expect(metrics.snapshot().series.map(({ hook, outcome, count }) => [hook, outcome, count])).toEqual([
      ['tool_pre_invoke', 'allow', 2],
      ['tool_pre_invoke', 'deny', 1],
      ['tool_pre_invoke', 'suppressed', 1],
      ['tool_pre_invoke', 'skipped', 1],
      ['tool_post_invoke', 'timeout', 1],
    ]);
  });

  test('show the supervisor’s gauges, also of a plugin that never ran, and forget a removed one', () => {
    const metrics = createMetrics();
    metrics.observe(run);
    metrics.setGauges(() => [{ plugin: 'idle', inFlight: 1, queued: 2, restarts: 3 }]);
    expect(metrics.snapshot().plugins.map(({ plugin, restarts }) => [plugin, restarts])).toEqual([
      ['idle', 3],
      ['pii', 0],
    ]);
    metrics.forget('pii');
    expect(metrics.snapshot().series).toEqual([]);
  });

  test('stop growing at a bound and say so', () => {
    const metrics = createMetrics();
    for (let i = 0; i < 10_001; i += 1) metrics.observe({ ...run, hook: `h${i}` });
    expect(metrics.snapshot().series).toHaveLength(10_000);
    expect(metrics.snapshot().dropped).toBe(1);
  });
});

describe('a histogram', () => {
  test('gives quantiles within 5 % for anything between a microsecond and four minutes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.002, max: 240_000, noNaN: true }), { minLength: 1 }),
        (durations) => {
          const histogram = new Histogram();
          for (const ms of durations) histogram.observe(ms);
          const sorted = durations.toSorted((a, b) => a - b);
          for (const q of [0.5, 0.99]) {
            const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
            expect(Math.abs(histogram.quantile(q) - exact)).toBeLessThanOrEqual(exact * 0.05);
          }
        },
      ),
    );
  });

  test('is empty at first, and keeps what is beyond its range', () => {
    const histogram = new Histogram();
    expect(histogram.quantile(0.5)).toBe(0);
    histogram.observe(-1);
    histogram.observe(10_000_000);
    expect(histogram.count).toBe(2);
    expect(histogram.quantile(1)).toBeLessThanOrEqual(histogram.maxMs);
    expect(histogram.quantile(0.5)).toBe(2 ** (1 / 16) / 1_000);
  });
});
