import { expect, test } from 'vitest';
import {
  CustomMetrics,
  HISTOGRAM_BOUNDS,
  RESERVED_NAMES,
  type CustomMetric,
} from '../services/analytics/custom-metrics.js';
import { createMetrics } from '../telemetry/metrics.js';
import { metricsText } from './metrics-text.js';

const metric = (change: Partial<CustomMetric>): CustomMetric => ({
  name: 'orders',
  kind: 'counter',
  value: 1,
  labels: {},
  ...change,
});
const textOf = (custom: CustomMetrics): string =>
  metricsText(createMetrics().snapshot(), [], custom.snapshot());

test('what plugins record is there under the plugin, each name once, label values escaped', () => {
  const custom = new CustomMetrics();
  custom.record('shop', [
    metric({ value: 2, labels: { kind: 'a "b"\\\n} 1' } }),
    metric({ name: 'depth', kind: 'gauge', value: -1.5 }),
  ]);
  custom.record('other', [metric({ value: 3 })]);
  const text = textOf(custom);
  expect(text).toContain(
    [
      '# TYPE bulkhead_plugin_orders counter',
      String.raw`bulkhead_plugin_orders{plugin="shop",kind="a \"b\"\\\n} 1"} 2`,
      'bulkhead_plugin_orders{plugin="other"} 3',
      '# HELP bulkhead_plugin_depth Recorded by plugins.',
      '# TYPE bulkhead_plugin_depth gauge',
      'bulkhead_plugin_depth{plugin="shop"} -1.5',
      '',
    ].join('\n'),
  );
  expect(text.match(/# TYPE bulkhead_plugin_orders /g)).toHaveLength(1);
});

test('a histogram has a bucket up to each bound, a sum and a count', () => {
  const custom = new CustomMetrics();
  custom.record(
    'shop',
    [0.5, 0.25, 99].map((value) => metric({ name: 'took', kind: 'histogram', value })),
  );
  const lines = textOf(custom)
    .split('\n')
    .filter((line) => line.startsWith('bulkhead_plugin_took'));
  expect(lines).toEqual([
    ...HISTOGRAM_BOUNDS.map(
      (bound) =>
        `bulkhead_plugin_took_bucket{plugin="shop",le="${bound}"} ${bound < 0.25 ? 0 : bound < 0.5 ? 1 : 2}`,
    ),
    'bulkhead_plugin_took_bucket{plugin="shop",le="+Inf"} 3',
    'bulkhead_plugin_took_sum{plugin="shop"} 99.75',
    'bulkhead_plugin_took_count{plugin="shop"} 3',
  ]);
});

test('a name that is of two kinds has no type, and none is one of the host', () => {
  const custom = new CustomMetrics();
  custom.record('shop', [metric({})]);
  custom.record('other', [metric({ kind: 'gauge' })]);
  expect(textOf(custom)).toContain('# TYPE bulkhead_plugin_orders untyped');
  const own = [...textOf(new CustomMetrics()).matchAll(/# TYPE bulkhead_plugin_(\w+)/g)].map(
    ([, name]) => name,
  );
  expect(own).toEqual([...RESERVED_NAMES]);
  expect(() => {
    custom.record('shop', [metric({ name: 'runs_total' })]);
  }).toThrow(/does not use itself/);
});

test('failures are counted by code', () => {
  const metrics = createMetrics();
  metrics.setGauges(() => [
    { plugin: 'far', inFlight: 0, queued: 0, restarts: 2, failures: { CONNECTION_FLOODED: 2 } },
    { plugin: 'good', inFlight: 0, queued: 0, restarts: 0 },
  ]);
  const text = metricsText(metrics.snapshot(), [], []);
  expect(text).toContain('bulkhead_plugin_failures_total{plugin="far",code="CONNECTION_FLOODED"} 2');
  expect(text).not.toContain('failures_total{plugin="good"');
});
