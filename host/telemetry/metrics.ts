import type { ErrorCode } from '@bulkhead/proto';
import { Histogram } from './histogram.js';

/** How a plugin's run ended, as it is counted. `suppressed` is a denial that its mode does not allow. */
export type MetricOutcome = 'allow' | 'modify' | 'deny' | 'suppressed' | 'timeout' | 'error' | 'skipped';

/** What metrics read of a plugin's record; dispatch's PluginRecord has this shape. */
export interface ObservedRecord {
  readonly plugin: string;
  readonly hook: string;
  readonly requested: 'allow' | 'modify' | 'deny';
  readonly effective: 'allow' | 'modify' | 'deny';
  readonly status: 'completed' | 'timeout' | 'error' | 'skipped';
  readonly durationMs: number;
}

/** What the supervisor says of a plugin at the moment of a snapshot. */
export interface PluginGauges {
  readonly plugin: string;
  readonly inFlight: number;
  readonly queued: number;
  readonly restarts: number;
  /** Starts that failed and processes that were lost, by the failure's code. Absent: none. */
  readonly failures?: Readonly<Partial<Record<ErrorCode, number>>>;
}

export interface LatencySnapshot {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface SeriesSnapshot extends LatencySnapshot {
  readonly plugin: string;
  readonly hook: string;
  readonly outcome: MetricOutcome;
  readonly sumMs: number;
  /** How many took less than each of `BUCKET_BOUNDS_MS`. */
  readonly below: readonly number[];
}

/** Doublings of a microsecond: a histogram counts them exactly. */
const BUCKET_DOUBLINGS = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24] as const;
/** From 0.128 ms to 16.8 s. */
export const BUCKET_BOUNDS_MS: readonly number[] = BUCKET_DOUBLINGS.map(
  (doublings) => 2 ** doublings / 1_000,
);

export interface PluginMetricsSnapshot extends LatencySnapshot, PluginGauges {
  readonly outcomes: Readonly<Record<MetricOutcome, number>>;
}

export interface MetricsSnapshot {
  /** One per plugin that ran or that the gauges know. */
  readonly plugins: readonly PluginMetricsSnapshot[];
  /** One per plugin, hook and outcome that occurred. */
  readonly series: readonly SeriesSnapshot[];
  /** Records that were not counted because `MAX_SERIES` was reached. */
  readonly dropped: number;
}

export interface Metrics {
  /** Counts one run. Allocates only when a plugin, hook or outcome is seen for the first time. */
  observe(record: ObservedRecord): void;
  /** Where in flight, queue and restarts come from. */
  setGauges(source: () => readonly PluginGauges[]): void;
  /** Forgets a plugin that is no longer configured. */
  forget(plugin: string): void;
  snapshot(): MetricsSnapshot;
}

/** Plugins times hooks times outcomes; far beyond any real configuration. */
const MAX_SERIES = 10_000;

const OUTCOMES: readonly MetricOutcome[] = [
  'allow',
  'modify',
  'deny',
  'suppressed',
  'timeout',
  'error',
  'skipped',
];

type HookSeries = Partial<Record<MetricOutcome, Histogram>>;

export function createMetrics(): Metrics {
  const plugins = new Map<string, Map<string, HookSeries>>();
  let gauges: () => readonly PluginGauges[] = () => [];
  let seriesCount = 0;
  let dropped = 0;

  const newSeries = (plugin: string, hook: string, outcome: MetricOutcome): Histogram | undefined => {
    if (seriesCount >= MAX_SERIES) return undefined;
    seriesCount += 1;
    let hooks = plugins.get(plugin);
    if (hooks === undefined) plugins.set(plugin, (hooks = new Map()));
    let series = hooks.get(hook);
    if (series === undefined) hooks.set(hook, (series = {}));
    return (series[outcome] = new Histogram());
  };

  return {
    observe(record) {
      const outcome = outcomeOf(record);
      const histogram =
        plugins.get(record.plugin)?.get(record.hook)?.[outcome] ??
        newSeries(record.plugin, record.hook, outcome);
      if (histogram === undefined) dropped += 1;
      else histogram.observe(record.durationMs);
    },
    setGauges(source) {
      gauges = source;
    },
    forget(plugin) {
      for (const series of plugins.get(plugin)?.values() ?? []) seriesCount -= Object.keys(series).length;
      plugins.delete(plugin);
    },
    snapshot() {
      const byName = new Map(gauges().map((gauge) => [gauge.plugin, gauge]));
      const names = new Set([...byName.keys(), ...plugins.keys()]);
      return {
        plugins: [...names].map((name) => pluginSnapshot(name, byName.get(name), plugins.get(name))),
        series: [...plugins].flatMap(([plugin, hooks]) =>
          [...hooks].flatMap(([hook, series]) => seriesSnapshots(plugin, hook, series)),
        ),
        dropped,
      };
    },
  };
}

function outcomeOf(record: ObservedRecord): MetricOutcome {
  if (record.status !== 'completed') return record.status;
  return record.requested === 'deny' && record.effective !== 'deny' ? 'suppressed' : record.requested;
}

function pluginSnapshot(
  plugin: string,
  gauge: PluginGauges | undefined,
  hooks: ReadonlyMap<string, HookSeries> | undefined,
): PluginMetricsSnapshot {
  const all = new Histogram();
  const outcomes = { allow: 0, modify: 0, deny: 0, suppressed: 0, timeout: 0, error: 0, skipped: 0 };
  for (const series of hooks?.values() ?? []) {
    for (const outcome of OUTCOMES) {
      const histogram = series[outcome];
      if (histogram === undefined) continue;
      outcomes[outcome] += histogram.count;
      // A skipped run took no time and would only pull the quantiles down.
      if (outcome !== 'skipped') all.add(histogram);
    }
  }
  return {
    plugin,
    inFlight: gauge?.inFlight ?? 0,
    queued: gauge?.queued ?? 0,
    restarts: gauge?.restarts ?? 0,
    ...(gauge?.failures === undefined ? {} : { failures: gauge.failures }),
    outcomes,
    ...latency(all),
  };
}

function seriesSnapshots(plugin: string, hook: string, series: HookSeries): SeriesSnapshot[] {
  return OUTCOMES.flatMap((outcome) => {
    const histogram = series[outcome];
    return histogram === undefined
      ? []
      : [
          {
            plugin,
            hook,
            outcome,
            sumMs: histogram.sumMs,
            below: BUCKET_DOUBLINGS.map((doublings) => histogram.countBelow(doublings)),
            ...latency(histogram),
          },
        ];
  });
}

function latency(histogram: Histogram): LatencySnapshot {
  return {
    count: histogram.count,
    p50Ms: histogram.quantile(0.5),
    p99Ms: histogram.quantile(0.99),
    maxMs: histogram.maxMs,
  };
}
