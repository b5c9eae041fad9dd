import { readProcessUse } from '../sidecar/limits/process-use.js';
import type { CustomSeries } from '../services/analytics/custom-metrics.js';
import { BUCKET_BOUNDS_MS, type MetricsSnapshot } from '../telemetry/metrics.js';
import { addCustomMetrics } from './custom-metrics-text.js';
import { createMetricsLines } from './metrics-lines.js';

/** One running process of a plugin. */
export interface MeasuredProcess {
  readonly plugin: string;
  readonly pid: number;
  readonly eventLoopDelayP99Us?: number;
}

/** The metrics in Prometheus' text format, version 0.0.4. */
export function metricsText(
  snapshot: MetricsSnapshot,
  processes: readonly MeasuredProcess[],
  custom: readonly CustomSeries[],
): string {
  const lines = createMetricsLines();
  const { family, sample } = lines;

  family(
    'bulkhead_hook_duration_seconds',
    'histogram',
    'How long runs of hooks took, by plugin, hook and outcome.',
  );
  for (const { plugin, hook, outcome, count, sumMs, below } of snapshot.series) {
    const labels = { plugin, hook, outcome };
    BUCKET_BOUNDS_MS.forEach((bound, index) => {
      sample(
        'bulkhead_hook_duration_seconds_bucket',
        { ...labels, le: String(bound / 1_000) },
        below[index] ?? 0,
      );
    });
    sample('bulkhead_hook_duration_seconds_bucket', { ...labels, le: '+Inf' }, count);
    sample('bulkhead_hook_duration_seconds_sum', labels, sumMs / 1_000);
    sample('bulkhead_hook_duration_seconds_count', labels, count);
  }
  family('bulkhead_plugin_runs_total', 'counter', 'Runs of hooks, by plugin and outcome.');
  for (const { plugin, outcomes } of snapshot.plugins) {
    for (const [outcome, count] of Object.entries(outcomes))
      sample('bulkhead_plugin_runs_total', { plugin, outcome }, count);
  }
  for (const [name, type, help, key] of [
    ['bulkhead_plugin_in_flight', 'gauge', 'Calls that a plugin has not answered yet.', 'inFlight'],
    ['bulkhead_plugin_queued', 'gauge', 'Calls that wait for a plugin.', 'queued'],
    ['bulkhead_plugin_restarts_total', 'counter', "Restarts of a plugin's processes.", 'restarts'],
  ] as const) {
    family(name, type, help);
    for (const { plugin, [key]: value } of snapshot.plugins) sample(name, { plugin }, value);
  }
  family(
    'bulkhead_plugin_failures_total',
    'counter',
    'Starts that failed and processes that were lost, by error code.',
  );
  for (const { plugin, failures = {} } of snapshot.plugins) {
    for (const [code, count] of Object.entries(failures))
      sample('bulkhead_plugin_failures_total', { plugin, code }, count);
  }
  family('bulkhead_plugin_memory_bytes', 'gauge', "A plugin process's own memory, where the system tells.");
  for (const { plugin, pid } of processes) {
    const use = pid === 0 ? undefined : readProcessUse(pid);
    if (use !== undefined) sample('bulkhead_plugin_memory_bytes', { plugin, pid: String(pid) }, use.ownBytes);
  }
  family(
    'bulkhead_plugin_event_loop_delay_seconds',
    'gauge',
    "The 99th percentile of a plugin process's event-loop delay.",
  );
  for (const { plugin, pid, eventLoopDelayP99Us: delay } of processes) {
    if (delay !== undefined)
      sample('bulkhead_plugin_event_loop_delay_seconds', { plugin, pid: String(pid) }, delay / 1_000_000);
  }
  family(
    'bulkhead_metrics_dropped_total',
    'counter',
    'Runs that were not counted because there are too many series.',
  );
  sample('bulkhead_metrics_dropped_total', {}, snapshot.dropped);
  addCustomMetrics(lines, custom);
  return lines.text();
}
