import type { Store } from '../store/store.js';

/** What may wait for one subscription. */
export interface BacklogBound {
  readonly maxBacklog: number;
  /** Of data. */
  readonly maxBacklogBytes: number;
}

/** Events that were dropped. */
export interface Dropped {
  readonly entry: string;
  readonly pattern: string;
  readonly count: number;
}

/** Drops the oldest events of every subscription whose backlog is past its bound, and counts them. */
export async function trimBacklogs(store: Store, bound: BacklogBound): Promise<readonly Dropped[]> {
  const full = await store.db
    .selectFrom('event_backlog as b')
    .innerJoin('event_subscriptions as s', 's.id', 'b.subscription')
    .select(['s.id', 's.entry', 's.pattern'])
    .groupBy(['s.id', 's.entry', 's.pattern'])
    .having(({ eb, fn, or }) =>
      or([eb(fn.countAll(), '>', bound.maxBacklog), eb(fn.sum('b.size'), '>', bound.maxBacklogBytes)]),
    )
    .execute();
  const dropped: Dropped[] = [];
  for (const { id, entry, pattern } of full) {
    const count = await trimOne(store, id, bound);
    if (count > 0) dropped.push({ entry, pattern, count });
  }
  return dropped;
}

async function trimOne(store: Store, subscription: number, bound: BacklogBound): Promise<number> {
  return store.transaction(async (trx) => {
    const newestFirst = await trx
      .selectFrom('event_backlog')
      .select(['seq', 'size'])
      .where('subscription', '=', subscription)
      .orderBy('seq', 'desc')
      .execute();
    let bytes = 0;
    const last = newestFirst.find(({ size }, index) => {
      bytes += size;
      return index >= bound.maxBacklog || bytes > bound.maxBacklogBytes;
    });
    if (last === undefined) return 0;
    const gone = await trx
      .deleteFrom('event_backlog')
      .where('subscription', '=', subscription)
      .where('seq', '<=', last.seq)
      .returning('seq')
      .execute();
    await trx
      .updateTable('event_subscriptions')
      .set((eb) => ({
        dropped: eb('dropped', '+', gone.length),
        dropped_ever: eb('dropped_ever', '+', gone.length),
      }))
      .where('id', '=', subscription)
      .execute();
    return gone.length;
  });
}
