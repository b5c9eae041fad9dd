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
import type { Clock } from '../../clock.js';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import { Turns } from '../turns.js';
import type { CustomMetric, CustomMetricKind, CustomMetrics } from './custom-metrics.js';
import type { UsageKind, UsageMeter } from './usage-meter.js';
import type { UsageQuery, UsageRow } from './usage-query.js';

export interface AnalyticsParts {
  readonly clock: Pick<Clock, 'now'>;
  /** Asks the store. */
  readonly query: (asked: UsageQuery) => Promise<readonly UsageRow[]>;
  readonly usage: Pick<UsageMeter, 'flush'>;
  readonly metrics: CustomMetrics;
}

/** Queries of usage that wait for their turn. */
const MAX_WAITING_OF_PLUGIN = 5;
const MAX_WAITING = 100;
const DAY_MS = 86_400_000;
const DEFAULT_RANGE_DAYS = 7;
const MAX_RANGE_DAYS = 31;
/** Metrics of one call. */
const MAX_METRICS = 1_000;
const KINDS: Readonly<Partial<Record<MetricKind, CustomMetricKind>>> = {
  [MetricKind.METRIC_KIND_COUNTER]: 'counter',
  [MetricKind.METRIC_KIND_GAUGE]: 'gauge',
  [MetricKind.METRIC_KIND_HISTOGRAM]: 'histogram',
};

export function createAnalyticsMethods({
  clock,
  query,
  usage,
  metrics,
}: AnalyticsParts): readonly HostMethod[] {
  // A query may read hundreds of thousands of rows: it has one of the store's readers at most, and never all of them.
  const ofPlugin = new Turns(MAX_WAITING_OF_PLUGIN);
  const ofAll = new Turns(MAX_WAITING);
  return createHostMethods(AnalyticsServiceDefinition, {
    async getUsage(body, { plugin, signal }) {
      const asked = boundedQuery(readUsageQuery(readRequest(GetUsageRequest, body)), clock.now());
      const rows = await ofPlugin.take(plugin.name, signal, () =>
        ofAll.take('all plugins', signal, async () => {
          await usage.flush();
          return query(asked);
        }),
      );
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

/** With a beginning, and no longer than may be. An open end is now. @throws INVALID_ARGUMENT */
function boundedQuery(query: UsageQuery, nowMs: number): UsageQuery {
  const toMs = query.toMs ?? nowMs;
  const fromMs = query.fromMs ?? toMs - DEFAULT_RANGE_DAYS * DAY_MS;
  if (toMs - fromMs <= MAX_RANGE_DAYS * DAY_MS) return { ...query, fromMs };
  throw invalid('from_ms', `a time up to ${MAX_RANGE_DAYS} days before to_ms`, String(fromMs));
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
