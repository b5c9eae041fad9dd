import type { Store } from '../store/store.js';

/** What may wait for one subscription. */
export interface BacklogBound {
  readonly maxBacklog: number;
  /** Of data. */
  readonly maxBacklogBytes: number;
}

/** All subscriptions of one entry keep as much as so many full ones. */
const ENTRY_BACKLOGS = 4;

/** Events that were dropped. */
export interface Dropped {
  readonly entry: string;
  readonly pattern: string;
  readonly count: number;
}

/** Drops the oldest events of every subscription whose backlog is past its bound, and counts them. */
export async function trimBacklogs(store: Store, bound: BacklogBound): Promise<readonly Dropped[]> {
  const backlogs = await store.db
    .selectFrom('event_backlog as b')
    .innerJoin('event_subscriptions as s', 's.id', 'b.subscription')
    .select(({ fn }) => [
      's.id',
      's.entry',
      's.pattern',
      fn.countAll<number | string>().as('count'),
      fn.sum<number | string>('b.size').as('bytes'),
    ])
    .groupBy(['s.id', 's.entry', 's.pattern'])
    .execute();
  const dropped: Dropped[] = [];
  for (const [entry, own] of Map.groupBy(backlogs, (backlog) => backlog.entry)) {
    const together = own.reduce((sum, { bytes }) => sum + Number(bytes), 0);
    const most = ENTRY_BACKLOGS * bound.maxBacklogBytes;
    // A plugin that has too much in all its backlogs has an equal part in each.
    const maxBacklogBytes =
      together > most
        ? Math.min(bound.maxBacklogBytes, Math.floor(most / own.length))
        : bound.maxBacklogBytes;
    for (const { id, pattern, count, bytes } of own) {
      if (Number(count) <= bound.maxBacklog && Number(bytes) <= maxBacklogBytes) continue;
      const gone = await trimOne(store, id, { ...bound, maxBacklogBytes });
      if (gone > 0) dropped.push({ entry, pattern, count: gone });
    }
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
