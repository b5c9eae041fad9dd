import { expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import type { Store } from '../store/store.js';
import { NO_AUDIT } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { createOutbox } from './create-outbox.js';
import { createSubscriptions } from './subscriptions.js';
import { trimBacklogs } from './trim.js';

const OWNER = { kind: 'plugin', id: 'p' } as const;
/** Every pattern that fits it but those with a last `**`. */
const PARTS = ['p', 'a', 'b', 'c', 'd'];
const PATTERNS = Array.from({ length: 32 }, (_, n) =>
  PARTS.map((part, index) => ((n >> index) & 1 ? '*' : part)).join('.'),
);
const TOPIC = PARTS.join('.');
const log = createSilentLogger();

describeEachStore('what events may take of the store', (the) => {
  const subscribe = async (store: Store, patterns: readonly string[]): Promise<void> => {
    const subscriptions = createSubscriptions(store, systemClock, NO_AUDIT);
    for (const pattern of patterns) await subscriptions.subscribe('p', pattern, OWNER);
  };
  const kept = async (store: Store): Promise<number> => {
    const { bytes } = await store.db
      .selectFrom('event_backlog')
      .select(({ fn }) => fn.sum<number | string | null>('size').as('bytes'))
      .executeTakeFirstOrThrow();
    return Number(bytes ?? 0);
  };

  test('all subscriptions of one plugin keep together as much as four full ones', async () => {
    const store = await the.open();
    await subscribe(store, PATTERNS);
    const outbox = createOutbox(store, systemClock, log, { trimNow: () => Promise.resolve() });
    for (let n = 0; n < 10; n += 1)
      await outbox.publish({ topic: TOPIC, dataJson: JSON.stringify('x'.repeat(98)) });
    expect(await kept(store)).toBe(32 * 1_000);
    const dropped = await trimBacklogs(store, { maxBacklog: 1_000, maxBacklogBytes: 4_000 });
    expect(await kept(store)).toBe(32 * 500);
    expect(dropped).toHaveLength(32);
    expect(dropped[0]).toMatchObject({ entry: 'p', count: 5 });
    // And one that keeps within it is left alone.
    expect(await trimBacklogs(store, { maxBacklog: 1_000, maxBacklogBytes: 4_000 })).toEqual([]);
  });

  test('a write holds some events of a few hundred kilobytes, and much of them brings the bounds at once', async () => {
    const store = await the.open();
    await subscribe(store, PATTERNS);
    const sizes: number[] = [];
    let trims = 0;
    const watched: Store = {
      ...store,
      batch: (queries) => {
        sizes.push(queries.length);
        return store.batch(queries);
      },
    };
    const trimNow = async (): Promise<void> => {
      trims += 1;
      await trimBacklogs(store, { maxBacklog: 1_000, maxBacklogBytes: 1_048_576 });
    };
    const outbox = createOutbox(watched, systemClock, log, { trimNow });
    const dataJson = JSON.stringify('x'.repeat(65_000));
    await Promise.all(Array.from({ length: 20 }, () => outbox.publish({ topic: TOPIC, dataJson })));
    await outbox.settled();
    expect(Math.max(...sizes)).toBe(4);
    expect(trims).toBe(1);
    expect(await kept(store)).toBe(32 * 2 * 65_002);
  });
});
