import { HISTOGRAM_BOUNDS, type CustomSeries } from '../services/analytics/custom-metrics.js';
import type { MetricsLines } from './metrics-lines.js';

/** What plugins record of themselves, each name once for all of them, with the plugin as a label. */
export function addCustomMetrics({ family, sample }: MetricsLines, series: readonly CustomSeries[]): void {
  for (const [name, same] of Map.groupBy(series, (one) => `bulkhead_plugin_${one.name}`)) {
    const kinds = new Set(same.map(({ kind }) => kind));
    const [kind = 'untyped'] = kinds;
    // A name is of one kind for Prometheus; plugins do not know of each other.
    family(name, kinds.size === 1 ? kind : 'untyped', 'Recorded by plugins.');
    for (const { plugin, labels, value, buckets } of same) {
      const all = { plugin, ...labels };
      if (buckets === undefined) {
        sample(name, all, value);
        continue;
      }
      let count = 0;
      buckets.forEach((observed, index) => {
        count += observed;
        sample(`${name}_bucket`, { ...all, le: String(HISTOGRAM_BOUNDS[index] ?? '+Inf') }, count);
      });
      sample(`${name}_sum`, all, value);
      sample(`${name}_count`, all, count);
    }
  }
}
