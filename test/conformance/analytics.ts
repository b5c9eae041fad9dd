import { expect } from 'vitest';
import type { HostServices } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

export interface AnalyticsSubject {
  readonly host: HostServices;
  /** Value of the only series of a metric that was recorded. */
  valueOf(name: string): number | undefined;
}

/** What every AnalyticsService does with a plugin's own metrics. */
export const ANALYTICS_STEPS: Steps<AnalyticsSubject> = {
  async 'a counter adds, a gauge replaces, a histogram sums up'({ host: { analytics }, valueOf }) {
    await analytics.record([
      { name: 'seen', kind: 'counter', value: 2 },
      { name: 'open', kind: 'gauge', value: 5 },
      { name: 'took', kind: 'histogram', value: 0.2 },
    ]);
    await analytics.record({ name: 'seen', kind: 'counter', value: 3 });
    await analytics.record({ name: 'open', kind: 'gauge', value: 1 });
    await analytics.record({ name: 'took', kind: 'histogram', value: 0.3 });
    expect([valueOf('seen'), valueOf('open'), valueOf('took')]).toEqual([5, 1, 0.5]);
  },
  async 'a metric keeps its kind'({ host: { analytics } }) {
    await analytics.record({ name: 'seen', kind: 'counter', value: 1 });
    await expect(analytics.record({ name: 'seen', kind: 'gauge', value: 1 })).rejects.toThrow(
      failing('CONFLICT', 'metrics'),
    );
  },
  async 'what is no metric is refused, and all of its call with it'({ host: { analytics }, valueOf }) {
    const good = { name: 'good', kind: 'counter', value: 1 } as const;
    for (const bad of [
      { name: 'no name', value: 1 },
      { name: 'falls', value: -1 },
      { name: 'endless', value: Infinity },
      { name: 'labelled', value: 1, labels: { plugin: 'x' } },
      { name: 'labelled', value: 1, labels: { long: 'x'.repeat(201) } },
    ]) {
      const call = analytics.record([good, { kind: 'counter', ...bad }]);
      await expect(call).rejects.toThrow(failing('INVALID_ARGUMENT', 'metrics'));
    }
    expect(valueOf('good')).toBeUndefined();
  },
  async 'there are at most 50 names and 1,000 series'({ host: { analytics } }) {
    const of = (name: string, n: number) => ({
      name,
      kind: 'gauge' as const,
      value: n,
      labels: { n: String(n) },
    });
    await analytics.record(Array.from({ length: 50 }, (_, n) => of(`name_${n}`, n)));
    await expect(analytics.record(of('one_more', 1))).rejects.toThrow(failing('QUOTA_EXCEEDED'));
    await analytics.record(Array.from({ length: 950 }, (_, n) => of('name_1', n + 100)));
    await expect(analytics.record(of('name_1', 99))).rejects.toThrow(failing('QUOTA_EXCEEDED'));
  },
  async 'nothing was used yet'({ host: { analytics } }) {
    expect(await analytics.usage({ kind: 'tool', plugin: 'nobody' })).toEqual([]);
  },
};
