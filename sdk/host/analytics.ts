import { AnalyticsServiceClientImpl, MetricKind } from '@bulkhead/proto/host';
import type { HostRpc } from './transport.js';

export interface UsageQuery {
  /** Milliseconds since the Unix epoch; included. Default: open. */
  readonly fromMs?: number;
  /** Not included. Default: open. */
  readonly toMs?: number;
  /** Default: all three. */
  readonly kind?: 'hook' | 'tool' | 'service';
  readonly plugin?: string;
  readonly appId?: string;
  /** Of a hook, a tool (`server/tool`) or a method. */
  readonly name?: string;
  /** Puts counts in steps. Default: sums up. */
  readonly step?: 'hour' | 'day';
}

export interface Usage {
  /** Start of the step; undefined without steps. */
  readonly atMs: number | undefined;
  readonly kind: string;
  readonly plugin: string;
  readonly name: string;
  readonly appId: string;
  readonly calls: number;
  readonly denied: number;
  readonly failed: number;
  /** Sum of durations. */
  readonly durationMs: number;
}

/** A measurement of the plugin's own. Also shown on /metrics, as `bulkhead_plugin_<name>`. */
export interface MetricInput {
  /** Letters, digits and underscores; at most 50 names and 1,000 series for a plugin. */
  readonly name: string;
  /** A counter adds, a gauge replaces, a histogram takes one observation. */
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What was used, and metrics of the plugin's own. Scopes analytics.read and analytics.write. */
export interface Analytics {
  usage(query?: UsageQuery): Promise<readonly Usage[]>;
  /** @throws BulkheadError QUOTA_EXCEEDED past the number of names or series, as a rejection */
  record(metrics: MetricInput | readonly MetricInput[]): Promise<void>;
}

const KINDS = {
  counter: MetricKind.METRIC_KIND_COUNTER,
  gauge: MetricKind.METRIC_KIND_GAUGE,
  histogram: MetricKind.METRIC_KIND_HISTOGRAM,
} as const;

export function createAnalytics(rpc: HostRpc): Analytics {
  const client = new AnalyticsServiceClientImpl(rpc);
  return {
    async usage(query = {}) {
      const { rows } = await client.GetUsage({
        fromMs: BigInt(query.fromMs ?? 0),
        toMs: BigInt(query.toMs ?? 0),
        kind: query.kind ?? '',
        plugin: query.plugin ?? '',
        appId: query.appId ?? '',
        name: query.name ?? '',
        step: query.step ?? '',
      });
      return rows.map((row) => ({
        ...row,
        atMs: row.atMs === 0n ? undefined : Number(row.atMs),
        calls: Number(row.calls),
        denied: Number(row.denied),
        failed: Number(row.failed),
      }));
    },
    async record(metrics) {
      const list: readonly MetricInput[] = Array.isArray(metrics) ? metrics : [metrics];
      await client.RecordMetrics({
        metrics: list.map(({ name, kind, value, labels }) => ({
          name,
          kind: KINDS[kind],
          value,
          labels: { ...labels },
        })),
      });
    },
  };
}
