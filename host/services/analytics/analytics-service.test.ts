import { expect, test } from 'vitest';
import { GetUsageRequest } from '@bulkhead/proto/host';
import { createAnalyticsMethods } from './analytics-service.js';
import { CustomMetrics } from './custom-metrics.js';
import type { UsageQuery } from './usage-query.js';

const NOW = Date.UTC(2026, 10, 25);
const DAY = 86_400_000;

function createUsage() {
  const asked: UsageQuery[] = [];
  const ends: (() => void)[] = [];
  const methods = createAnalyticsMethods({
    clock: { now: () => NOW },
    query: (query) => {
      asked.push(query);
      return new Promise((resolve) =>
        ends.push(() => {
          resolve([]);
        }),
      );
    },
    usage: { flush: () => Promise.resolve() },
    metrics: new CustomMetrics(),
  });
  const method = methods.find(({ path }) => path.endsWith('/GetUsage'));
  const get = async (plugin: string, request: Partial<GetUsageRequest> = {}) =>
    method?.handle(GetUsageRequest.encode({ ...GetUsageRequest.create(), ...request }).finish(), {
      plugin: { name: plugin, id: plugin, version: '1.0.0', pid: 1, grantedScopes: ['analytics.read'] },
      timeoutMs: 0,
      traceparent: '',
      signal: new AbortController().signal,
    });
  return { asked, ends, get };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('one query of usage is under way, whoever asks, and few of a plugin wait', async () => {
  const { asked, ends, get } = createUsage();
  const answers = [1, 2, 3, 4, 5].map(() => get('p'));
  answers.push(get('q'));
  await expect(get('p')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  for (let done = 1; done <= 6; done += 1) {
    await turn();
    expect(asked).toHaveLength(done);
    ends[done - 1]?.();
  }
  await Promise.all(answers);
});

test('a query has a beginning, and reaches back so far at most', async () => {
  const { asked, ends, get } = createUsage();
  const answer = get('p');
  await turn();
  expect(asked).toEqual([{ fromMs: NOW - 7 * DAY }]);
  ends[0]?.();
  await answer;
  for (const request of [
    { fromMs: BigInt(NOW - 32 * DAY) },
    { fromMs: BigInt(NOW - 64 * DAY), toMs: BigInt(NOW - 32 * DAY) },
    { toMs: BigInt(NOW), fromMs: -1n },
  ])
    await expect(get('p', request)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'from_ms' });
});
