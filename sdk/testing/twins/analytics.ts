import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { AnalyticsServiceDefinition, MetricKind } from '@bulkhead/proto/host';
import type { Usage } from '../../host/analytics.js';
import { invalid } from './pages.js';
import { createTwinMethods, unary, type TwinMethod } from './twin-methods.js';

const MAX_NAMES = 50;
const MAX_SERIES = 1_000;
const MAX_LABELS = 10;
const MAX_LABEL_CHARS = 200;
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/;
const RESERVED_LABELS = ['plugin', 'le'];
const KINDS = {
  [MetricKind.METRIC_KIND_COUNTER]: 'counter',
  [MetricKind.METRIC_KIND_GAUGE]: 'gauge',
  [MetricKind.METRIC_KIND_HISTOGRAM]: 'histogram',
} as const;

/** One series of a metric that the plugin recorded. */
export interface RecordedMetric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: Readonly<Record<string, string>>;
  /** Sum of a counter, last value of a gauge, sum of a histogram's observations. */
  readonly value: number;
  /** How often it was recorded. */
  readonly times: number;
}

/** Metrics that the plugin records, and the usage that a test gives it. */
export class AnalyticsTwin {
  readonly methods: readonly TwinMethod[];
  #series = new Map<string, RecordedMetric>();

  constructor(usage: readonly Partial<Usage>[] = []) {
    const { methods } = AnalyticsServiceDefinition;
    this.methods = createTwinMethods(AnalyticsServiceDefinition, [
      unary(methods.getUsage, ({ kind, plugin, appId, name }) => ({
        rows: usage
          .filter(
            (row) =>
              (kind === '' || row.kind === kind) &&
              (plugin === '' || row.plugin === plugin) &&
              (appId === '' || row.appId === appId) &&
              (name === '' || row.name === name),
          )
          .map((row) => ({
            atMs: BigInt(row.atMs ?? 0),
            kind: row.kind ?? 'hook',
            plugin: row.plugin ?? '',
            name: row.name ?? '',
            appId: row.appId ?? '',
            calls: BigInt(row.calls ?? 0),
            denied: BigInt(row.denied ?? 0),
            failed: BigInt(row.failed ?? 0),
            durationMs: row.durationMs ?? 0,
          })),
      })),
      unary(methods.recordMetrics, ({ metrics }) => {
        const next = new Map(this.#series);
        for (const metric of metrics) add(next, metric);
        const names = new Set([...next.values()].map(({ name }) => name));
        if (names.size > MAX_NAMES || next.size > MAX_SERIES) {
          throw new BulkheadError(
            ErrorCode.QUOTA_EXCEEDED,
            `a plugin has at most ${MAX_NAMES} metrics and ${MAX_SERIES} series; these would make ${names.size} and ${next.size}. Use fewer label values`,
          );
        }
        this.#series = next;
        return {};
      }),
    ]);
  }

  get metrics(): readonly RecordedMetric[] {
    return [...this.#series.values()];
  }
}

function add(
  series: Map<string, RecordedMetric>,
  metric: {
    readonly name: string;
    readonly kind: MetricKind;
    readonly value: number;
    readonly labels: Readonly<Record<string, string>>;
  },
): void {
  const { name, value, labels } = metric;
  const kind = Object.entries(KINDS).find(([number]) => Number(number) === metric.kind)?.[1];
  if (kind === undefined) throw invalid('metrics', `${name}: expected a kind`);
  assertMetric(name, kind, value, labels);
  const other = [...series.values()].find((known) => known.name === name && known.kind !== kind);
  if (other !== undefined) {
    throw new BulkheadError(ErrorCode.CONFLICT, `the metric '${name}' is a ${other.kind}, not a ${kind}`, {
      field: 'metrics',
    });
  }
  const key = JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
  const known = series.get(key);
  series.set(key, {
    name,
    kind,
    labels,
    value: kind === 'gauge' ? value : (known?.value ?? 0) + value,
    times: (known?.times ?? 0) + 1,
  });
}

function assertMetric(
  name: string,
  kind: RecordedMetric['kind'],
  value: number,
  labels: Readonly<Record<string, string>>,
): void {
  if (!NAME.test(name))
    throw invalid('metrics', `expected a name of letters, digits and underscores, got '${name}'`);
  if (!Number.isFinite(value)) throw invalid('metrics', `${name}: expected a finite value`);
  if (kind === 'counter' && value < 0) throw invalid('metrics', `${name}: expected a counter that grows`);
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) throw invalid('metrics', `${name}: expected at most ${MAX_LABELS} labels`);
  for (const [label, text] of entries) {
    if (!NAME.test(label) || label.startsWith('__') || RESERVED_LABELS.includes(label)) {
      throw invalid('metrics', `${name}: '${label}' is no name for a label`);
    }
    if (text.length > MAX_LABEL_CHARS) {
      throw invalid('metrics', `${name}: expected label values of at most ${MAX_LABEL_CHARS} characters`);
    }
  }
}
