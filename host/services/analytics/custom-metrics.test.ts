import { describe, expect, test } from 'vitest';
import { CustomMetrics, HISTOGRAM_BOUNDS, type CustomMetric } from './custom-metrics.js';

const metric = (change: Partial<CustomMetric> = {}): CustomMetric => ({
  name: 'orders',
  kind: 'counter',
  value: 1,
  labels: {},
  ...change,
});

describe('metrics of a plugin', () => {
  test('a counter adds up, a gauge is what it was last, a histogram counts by size', () => {
    const metrics = new CustomMetrics();
    metrics.record('a', [metric({ value: 2 }), metric({ value: 3 })]);
    metrics.record('a', [
      metric({ name: 'depth', kind: 'gauge', value: 9 }),
      metric({ name: 'depth', kind: 'gauge', value: 4 }),
    ]);
    metrics.record(
      'a',
      [0.001, 0.3, 99].map((value) => metric({ name: 'took', kind: 'histogram', value })),
    );
    const [orders, depth, took] = metrics.snapshot();
    expect(orders).toMatchObject({ plugin: 'a', name: 'orders', value: 5 });
    expect(depth).toMatchObject({ name: 'depth', value: 4 });
    expect(took?.value).toBeCloseTo(99.301);
    expect(took?.buckets?.map((count, at) => (count > 0 ? at : -1)).filter((at) => at >= 0)).toEqual([
      0,
      HISTOGRAM_BOUNDS.indexOf(0.5),
      HISTOGRAM_BOUNDS.length,
    ]);
  });

  test('series are told apart by labels in any order, and by plugin', () => {
    const metrics = new CustomMetrics();
    metrics.record('a', [metric({ labels: { x: '1', y: '2' } }), metric({ labels: { y: '2', x: '1' } })]);
    metrics.record('b', [metric({ labels: { x: '1', y: '2' } })]);
    expect(metrics.snapshot().map(({ plugin, value }) => [plugin, value])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    metrics.forget('a');
    expect(metrics.snapshot()).toHaveLength(1);
  });

  test.each([
    ['a name with a dash', metric({ name: 'a-b' }), 'INVALID_ARGUMENT'],
    ['a value that is none', metric({ value: Number.NaN }), 'INVALID_ARGUMENT'],
    ['a counter that shrinks', metric({ value: -1 }), 'INVALID_ARGUMENT'],
    ['a label of the host’s own', metric({ labels: { plugin: 'x' } }), 'INVALID_ARGUMENT'],
    ['a label value without end', metric({ labels: { x: 'y'.repeat(201) } }), 'INVALID_ARGUMENT'],
    ['another kind', metric({ kind: 'gauge' }), 'CONFLICT'],
  ])('%s is refused, and nothing of the call is taken', (_what, wrong, code) => {
    const metrics = new CustomMetrics();
    metrics.record('a', [metric()]);
    expect(() => {
      metrics.record('a', [metric({ value: 5 }), wrong]);
    }).toThrow(expect.objectContaining({ code }));
    expect(metrics.snapshot()).toMatchObject([{ value: 1 }]);
  });

  test('50 names and 1,000 series, and no more; what is known still counts', () => {
    const metrics = new CustomMetrics();
    const series = Array.from({ length: 1_000 }, (_, n) =>
      metric({ name: `m${n % 50}`, labels: { n: `${n}` } }),
    );
    metrics.record('a', series);
    for (const more of [metric({ name: 'm51' }), metric({ name: 'm1', labels: { n: 'new' } })]) {
      expect(() => {
        metrics.record('a', [more]);
      }).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }));
    }
    metrics.record('a', series.slice(0, 1));
    expect(metrics.snapshot()[0]?.value).toBe(2);
  });
});
