import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  AnalyticsServiceDefinition,
  GetUsageRequest,
  GetUsageResponse,
  MetricKind,
  RecordMetricsRequest,
  RecordMetricsResponse,
  type Metric,
} from '@bulkhead/proto/host';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import type { Store } from '../../store/store.js';
import type { CustomMetric, CustomMetricKind, CustomMetrics } from './custom-metrics.js';
import type { UsageKind, UsageMeter } from './usage-meter.js';
import { queryUsage, type UsageQuery } from './usage-query.js';

export interface AnalyticsParts {
  readonly store: Store;
  readonly usage: UsageMeter;
  readonly metrics: CustomMetrics;
}

/** Metrics of one call. */
const MAX_METRICS = 1_000;
const KINDS: Readonly<Partial<Record<MetricKind, CustomMetricKind>>> = {
  [MetricKind.METRIC_KIND_COUNTER]: 'counter',
  [MetricKind.METRIC_KIND_GAUGE]: 'gauge',
  [MetricKind.METRIC_KIND_HISTOGRAM]: 'histogram',
};

export function createAnalyticsMethods({ store, usage, metrics }: AnalyticsParts): readonly HostMethod[] {
  return createHostMethods(AnalyticsServiceDefinition, {
    async getUsage(body) {
      const query = readUsageQuery(readRequest(GetUsageRequest, body));
      await usage.flush();
      const rows = await queryUsage(store, query);
      return GetUsageResponse.encode({
        rows: rows.map(({ atMs, calls, denied, failed, ...row }) => ({
          ...row,
          atMs: BigInt(atMs),
          calls: BigInt(calls),
          denied: BigInt(denied),
          failed: BigInt(failed),
        })),
      }).finish();
    },
    recordMetrics(body, { plugin }) {
      const given = readRequest(RecordMetricsRequest, body).metrics;
      if (given.length > MAX_METRICS)
        throw invalid('metrics', `at most ${MAX_METRICS} in one call`, String(given.length));
      metrics.record(plugin.name, given.map(readMetric));
      return RecordMetricsResponse.encode({}).finish();
    },
  });
}

function readUsageQuery(request: GetUsageRequest): UsageQuery {
  const { fromMs, toMs, kind, plugin, appId, name, step } = request;
  return {
    ...(fromMs === 0n ? {} : { fromMs: readTime('from_ms', fromMs) }),
    ...(toMs === 0n ? {} : { toMs: readTime('to_ms', toMs) }),
    ...(kind === '' ? {} : { kind: readKind(kind) }),
    ...(plugin === '' ? {} : { plugin }),
    ...(appId === '' ? {} : { appId }),
    ...(name === '' ? {} : { name }),
    ...(step === '' ? {} : { step: readStep(step) }),
  };
}

function readTime(field: string, ms: bigint): number {
  const time = Number(ms);
  if (Number.isSafeInteger(time)) return time;
  throw invalid(field, 'milliseconds since 1970', String(ms));
}

function readKind(kind: string): UsageKind {
  if (kind === 'hook' || kind === 'tool' || kind === 'service') return kind;
  throw invalid('kind', 'hook, tool or service', kind);
}

function readStep(step: string): 'hour' | 'day' {
  if (step === 'hour' || step === 'day') return step;
  throw invalid('step', 'hour or day', step);
}

function readMetric({ name, kind, value, labels }: Metric): CustomMetric {
  const known = KINDS[kind];
  if (known === undefined) throw invalid('kind', 'a counter, gauge or histogram', `${name} without one`);
  return { name, kind: known, value, labels };
}

function invalid(field: string, expected: string, got: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `${field}: expected ${expected}, got '${got.slice(0, 100)}'`,
    { field },
  );
}
