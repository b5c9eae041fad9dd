import { LRUCache } from 'lru-cache';
import { Samples, type Percentiles } from './samples.js';

/** What one name did since the last report; the percentiles are of its last calls. */
export interface NameReport extends Percentiles {
  readonly name: string;
  readonly calls: number;
}

/** Latencies by name. Bounded: the name that was called longest ago is forgotten first. */
export interface Latencies {
  add(name: string, latencyMs: number): void;
  /** Those called since the last report, busiest first; starts the next report. */
  report(): readonly NameReport[];
  /** The name with the highest 95th percentile, when that is above a bound. */
  slowest(boundMs: number): NameReport | undefined;
}

export function createLatencies(maxNames: number): Latencies {
  const names = new LRUCache<string, Samples>({ max: maxNames });
  return {
    add(name, latencyMs) {
      let samples = names.get(name);
      if (samples === undefined) {
        samples = new Samples();
        names.set(name, samples);
      }
      samples.add(latencyMs);
    },
    report() {
      const reports: NameReport[] = [];
      for (const [name, samples] of names.entries()) {
        if (samples.calls === 0) continue;
        reports.push({ name, calls: samples.calls, ...samples.percentiles() });
        samples.calls = 0;
      }
      return reports.sort((a, b) => b.calls - a.calls);
    },
    slowest(boundMs) {
      let worst: NameReport | undefined;
      for (const [name, samples] of names.entries()) {
        const percentiles = samples.percentiles();
        if (percentiles.p95_ms > Math.max(boundMs, worst?.p95_ms ?? 0)) {
          worst = { name, calls: samples.calls, ...percentiles };
        }
      }
      return worst;
    },
  };
}
