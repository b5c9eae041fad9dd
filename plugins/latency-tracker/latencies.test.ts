import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLatencies } from './latencies.js';
import { Samples } from './samples.js';

describe('Samples', () => {
  it('takes percentiles by nearest rank', () => {
    const samples = new Samples();
    for (let latency = 100; latency >= 1; latency -= 1) samples.add(latency);
    expect(samples.percentiles()).toEqual({ p50_ms: 50, p95_ms: 95 });
  });

  it('knows only the last 256', () => {
    const samples = new Samples();
    for (let count = 0; count < 300; count += 1) samples.add(1000);
    for (let count = 0; count < 256; count += 1) samples.add(5);
    expect(samples.percentiles()).toEqual({ p50_ms: 5, p95_ms: 5 });
  });

  it('answers with latencies that were measured, p50 never above p95', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 256 }),
        (list) => {
          const samples = new Samples();
          for (const latency of list) samples.add(latency);
          const { p50_ms, p95_ms } = samples.percentiles();
          expect(list).toContain(p50_ms);
          expect(list).toContain(p95_ms);
          expect(p50_ms).toBeLessThanOrEqual(p95_ms);
        },
      ),
    );
  });
});

describe('createLatencies', () => {
  it('reports what was called since the last report, busiest first', () => {
    const latencies = createLatencies(10);
    latencies.add('a', 1);
    latencies.add('b', 2);
    latencies.add('b', 4);
    expect(latencies.report()).toEqual([
      { name: 'b', calls: 2, p50_ms: 2, p95_ms: 4 },
      { name: 'a', calls: 1, p50_ms: 1, p95_ms: 1 },
    ]);
    expect(latencies.report()).toEqual([]);
    latencies.add('a', 3);
    expect(latencies.report()).toEqual([{ name: 'a', calls: 1, p50_ms: 1, p95_ms: 3 }]);
  });

  it('forgets the name that was called longest ago when there are too many', () => {
    const latencies = createLatencies(2);
    for (const name of ['a', 'b', 'a', 'c']) latencies.add(name, 1);
    expect(
      latencies
        .report()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['a', 'c']);
  });

  it('names the slowest above a bound', () => {
    const latencies = createLatencies(10);
    latencies.add('a', 50);
    latencies.add('b', 80);
    expect(latencies.slowest(60)?.name).toBe('b');
    expect(latencies.slowest(80)).toBeUndefined();
  });
});
