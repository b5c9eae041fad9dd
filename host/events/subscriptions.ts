import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { Store } from '../store/store.js';
import type { Actor, Audit, AuditEntry } from '../telemetry/audit.js';
import { assertPattern } from './topics.js';

export const MAX_SUBSCRIPTIONS = 32;

/** What an operator sees of one. */
export interface SubscriptionStatus {
  readonly plugin: string;
  readonly pattern: string;
  /** Events that wait. */
  readonly backlog: number;
  /** Events that were ever dropped at the backlog's bound. */
  readonly dropped: number;
  readonly createdAtMs: number;
}

export interface Subscriptions {
  /** Asking twice is harmless. How many events it lost since it was last asked or told. */
  subscribe(entry: string, pattern: string, actor: Actor): Promise<{ readonly dropped: number }>;
  /** What waits for it goes too. */
  unsubscribe(entry: string, pattern: string, actor: Actor): Promise<void>;
  /** Of one entry, or of all. */
  list(entry?: string): Promise<readonly SubscriptionStatus[]>;
}

/** What plugins subscribed to. It outlives restarts; the host forgets nothing by itself. */
export function createSubscriptions(store: Store, clock: Clock, audit: Audit): Subscriptions {
  const { db } = store;
  return {
    async subscribe(entry, pattern, actor) {
      assertPattern(pattern);
      const own = await db
        .selectFrom('event_subscriptions')
        .select('dropped')
        .where('entry', '=', entry)
        .where('pattern', '=', pattern)
        .executeTakeFirst();
      if (own === undefined) {
        await store.transaction(async (trx) => {
          const { count } = await trx
            .selectFrom('event_subscriptions')
            .select(({ fn }) => fn.countAll<number>().as('count'))
            .where('entry', '=', entry)
            // Asked for twice at once, it is one.
            .where('pattern', '!=', pattern)
            .executeTakeFirstOrThrow();
          if (count >= MAX_SUBSCRIPTIONS) throw tooMany(entry, count);
          await trx
            .insertInto('event_subscriptions')
            .values({ entry, pattern, created_at: Math.floor(clock.now()) })
            .onConflict((conflict) => conflict.columns(['entry', 'pattern']).doNothing())
            .execute();
          await audit.write(trx, change('event.subscribe', entry, pattern, actor));
        });
        await audit.settled();
        return { dropped: 0 };
      }
      if (own.dropped === 0) return { dropped: 0 };
      await db
        .updateTable('event_subscriptions')
        .set((eb) => ({ dropped: eb('dropped', '-', own.dropped) }))
        .where('entry', '=', entry)
        .where('pattern', '=', pattern)
        .where('dropped', '>=', own.dropped)
        .execute();
      return { dropped: own.dropped };
    },
    async unsubscribe(entry, pattern, actor) {
      await store.transaction(async (trx) => {
        const gone = await trx
          .deleteFrom('event_subscriptions')
          .where('entry', '=', entry)
          .where('pattern', '=', pattern)
          .returning('id')
          .execute();
        if (gone.length > 0) await audit.write(trx, change('event.unsubscribe', entry, pattern, actor));
      });
      await audit.settled();
    },
    async list(entry) {
      let query = db
        .selectFrom('event_subscriptions as s')
        .leftJoin('event_backlog as b', 'b.subscription', 's.id')
        .select(({ fn }) => [
          's.entry',
          's.pattern',
          's.dropped_ever',
          's.created_at',
          fn.count<number>('b.seq').as('backlog'),
        ])
        .groupBy(['s.id', 's.entry', 's.pattern', 's.dropped_ever', 's.created_at'])
        .orderBy('s.entry')
        .orderBy('s.pattern');
      if (entry !== undefined) query = query.where('s.entry', '=', entry);
      const rows = await query.execute();
      return rows.map((row) => ({
        plugin: row.entry,
        pattern: row.pattern,
        backlog: Number(row.backlog),
        dropped: row.dropped_ever,
        createdAtMs: row.created_at,
      }));
    },
  };
}

function tooMany(entry: string, count: number): BulkheadError {
  return new BulkheadError(
    ErrorCode.QUOTA_EXCEEDED,
    `plugin '${entry}' has ${count} subscriptions, and may have ${MAX_SUBSCRIPTIONS}; end one`,
  );
}

function change(action: string, entry: string, pattern: string, actor: Actor): AuditEntry {
  return { actor, action, target: `plugin/${entry}`, outcome: 'allowed', details: { pattern } };
}
