import { sql } from 'kysely';
import type { Event } from '@bulkhead/proto/plugin';
import type { Lease } from './leases.js';
import type { Store } from '../store/store.js';

export interface PendingSubscription {
  readonly id: number;
  readonly entry: string;
  readonly pattern: string;
}

/** Events that go together in one call, with what was dropped before them. */
export interface EventBatch {
  readonly seqs: readonly number[];
  readonly events: readonly Event[];
  readonly dropped: number;
}

/** Data of one call, in bytes; one event at least. */
const MAX_BATCH_BYTES = 1_000_000;

/** The subscriptions of these entries for which something waits. */
export async function pendingSubscriptions(
  { db }: Store,
  entries: readonly string[],
): Promise<readonly PendingSubscription[]> {
  if (entries.length === 0) return [];
  return db
    .selectFrom('event_subscriptions as s')
    .select(['s.id', 's.entry', 's.pattern'])
    .where('s.entry', 'in', entries)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('event_backlog as b')
          .select(sql<number>`1`.as('one'))
          .whereRef('b.subscription', '=', 's.id'),
      ),
    )
    .execute();
}

/** The oldest events that wait, in order. */
export async function readBatch({ db }: Store, subscription: number, limit: number): Promise<EventBatch> {
  const rows = await db
    .selectFrom('event_backlog as b')
    .innerJoin('event_subscriptions as s', 's.id', 'b.subscription')
    .select(['b.seq', 'b.event_id', 'b.topic', 'b.data', 'b.size', 'b.at', 's.dropped'])
    .where('b.subscription', '=', subscription)
    .orderBy('b.seq')
    .limit(limit)
    .execute();
  let bytes = 0;
  const taken = rows.filter(({ size }, index) => {
    bytes += size;
    return index === 0 || bytes <= MAX_BATCH_BYTES;
  });
  return {
    seqs: taken.map(({ seq }) => seq),
    events: taken.map(({ event_id, topic, data, at }) => ({
      id: event_id,
      topic,
      dataJson: data,
      atMs: BigInt(at),
    })),
    dropped: rows[0]?.dropped ?? 0,
  };
}

/**
 * The plugin has them. False, and nothing happens, when the lease is another's by now: whoever has it delivers them again.
 * So it is when the events are gone, with their subscription or at the bound.
 */
export async function acknowledge(
  store: Store,
  subscription: number,
  { seqs, dropped }: EventBatch,
  lease: Lease,
): Promise<boolean> {
  const held = sql<boolean>`exists (select 1 from leases where name = ${lease.name} and token = ${lease.token})`;
  const { db } = store;
  const [gone] = await store.batch([
    db
      .deleteFrom('event_backlog')
      .where('subscription', '=', subscription)
      .where('seq', 'in', seqs)
      .where(held)
      .returning('seq'),
    db
      .updateTable('event_subscriptions')
      .set((eb) => ({ dropped: eb('dropped', '-', dropped) }))
      .where('id', '=', subscription)
      .where('dropped', '>=', dropped)
      .where(held),
  ]);
  return gone !== undefined && gone.rows.length > 0;
}
