import { BulkheadError, ErrorCode } from '@bulkhead/proto';

export type CustomMetricKind = 'counter' | 'gauge' | 'histogram';

export interface CustomMetric {
  readonly name: string;
  readonly kind: CustomMetricKind;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What one series is at the moment. */
export interface CustomSeries {
  readonly plugin: string;
  readonly name: string;
  readonly kind: CustomMetricKind;
  readonly labels: Readonly<Record<string, string>>;
  /** Sum of a counter, last value of a gauge, sum of a histogram's observations. */
  readonly value: number;
  /** Of a histogram: observations up to each bound of `HISTOGRAM_BOUNDS`, the last one without a bound. */
  readonly buckets?: readonly number[];
}

export const MAX_NAMES = 50;
export const MAX_SERIES = 1_000;
const MAX_LABELS = 10;
const MAX_LABEL_CHARS = 200;
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/;
/** The ones that the host itself sets. */
const RESERVED_LABELS: ReadonlySet<string> = new Set(['plugin', 'le']);

/** What the host itself measures of a plugin, as `bulkhead_plugin_<name>`. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'runs_total',
  'in_flight',
  'queued',
  'restarts_total',
  'failures_total',
  'memory_bytes',
  'event_loop_delay_seconds',
]);

/** As Prometheus clients take them by default. */
export const HISTOGRAM_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Series {
  readonly name: string;
  readonly kind: CustomMetricKind;
  readonly labels: Readonly<Record<string, string>>;
  value: number;
  readonly buckets: number[];
}

interface Own {
  readonly kinds: Map<string, CustomMetricKind>;
  readonly series: Map<string, Series>;
}

/** Metrics that plugins record of themselves. They live as long as the host, as its own do. */
export class CustomMetrics {
  readonly #plugins = new Map<string, Own>();

  /**
   * Takes all of them, or none.
   *
   * @throws INVALID_ARGUMENT, CONFLICT for a name that is known as another kind, QUOTA_EXCEEDED
   */
  record(plugin: string, metrics: readonly CustomMetric[]): void {
    const own = this.#plugins.get(plugin) ?? { kinds: new Map(), series: new Map() };
    const named = new Map(own.kinds);
    const keys = new Set(own.series.keys());
    for (const metric of metrics) {
      assertMetric(metric);
      const known = named.get(metric.name);
      if (known !== undefined && known !== metric.kind)
        throw new BulkheadError(
          ErrorCode.CONFLICT,
          `the metric '${metric.name}' is a ${known}, not a ${metric.kind}`,
          {
            field: 'metrics',
          },
        );
      named.set(metric.name, metric.kind);
      keys.add(keyOf(metric));
    }
    assertRoom(named.size, keys.size);
    for (const metric of metrics) add(own, metric);
    this.#plugins.set(plugin, own);
  }

  /** Forgets a plugin that is no longer configured. */
  forget(plugin: string): void {
    this.#plugins.delete(plugin);
  }

  snapshot(): readonly CustomSeries[] {
    return [...this.#plugins].flatMap(([plugin, { series }]) =>
      [...series.values()].map(({ name, kind, labels, value, buckets }) => ({
        plugin,
        name,
        kind,
        labels,
        value,
        ...(kind === 'histogram' ? { buckets: [...buckets] } : {}),
      })),
    );
  }
}

function add(own: Own, metric: CustomMetric): void {
  const { name, kind, labels, value } = metric;
  own.kinds.set(name, kind);
  const key = keyOf(metric);
  let series = own.series.get(key);
  if (series === undefined) {
    const buckets = kind === 'histogram' ? Array.from({ length: HISTOGRAM_BOUNDS.length + 1 }, () => 0) : [];
    series = { name, kind, labels: { ...labels }, value: 0, buckets };
    own.series.set(key, series);
  }
  series.value = kind === 'gauge' ? value : series.value + value;
  if (kind !== 'histogram') return;
  const at = HISTOGRAM_BOUNDS.findIndex((bound) => value <= bound);
  const index = at < 0 ? HISTOGRAM_BOUNDS.length : at;
  series.buckets[index] = (series.buckets[index] ?? 0) + 1;
}

function assertMetric({ name, kind, value, labels }: CustomMetric): void {
  if (!NAME.test(name)) throw invalid(`a name of letters, digits and underscores`, name);
  if (RESERVED_NAMES.has(name)) throw invalid('a name that the host does not use itself', name);
  if (!Number.isFinite(value)) throw invalid(`${name}: a finite value`, String(value));
  if (kind === 'counter' && value < 0) throw invalid(`${name}: a counter that grows`, String(value));
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS)
    throw invalid(`${name}: at most ${MAX_LABELS} labels`, String(entries.length));
  for (const [label, text] of entries) {
    if (!NAME.test(label) || label.startsWith('__') || RESERVED_LABELS.has(label))
      throw invalid(`${name}: labels of letters, digits and underscores, other than plugin and le`, label);
    if (text.length > MAX_LABEL_CHARS)
      throw invalid(`${name}: label values of at most ${MAX_LABEL_CHARS} characters`, `${text.length}`);
  }
}

function assertRoom(names: number, series: number): void {
  if (names <= MAX_NAMES && series <= MAX_SERIES) return;
  throw new BulkheadError(
    ErrorCode.QUOTA_EXCEEDED,
    `a plugin has at most ${MAX_NAMES} metrics and ${MAX_SERIES} series; these would make ${names} and ${series}. Use fewer label values`,
  );
}

function invalid(expected: string, got: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `metrics: expected ${expected}, got '${got.slice(0, 100)}'`,
    { field: 'metrics' },
  );
}

function keyOf({ name, labels }: CustomMetric): string {
  return JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
