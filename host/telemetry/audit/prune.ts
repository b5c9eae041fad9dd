import type { Store } from '../../store/store.js';
import { signedText, type ChainPlace } from './chain.js';
import type { HostKey } from './host-key.js';

/**
 * Removes the entries of a host's own chain up to the last one before `beforeMs`, behind a signed checkpoint with which
 * what is left still verifies.
 *
 * @returns the last entry that was removed; undefined when there was none
 */
export async function pruneChain(
  store: Store,
  key: HostKey,
  beforeMs: number,
  nowMs: number,
): Promise<ChainPlace | undefined> {
  const host = key.hostId;
  // The clock may have jumped; what is kept must stay without a gap.
  const young = await store.db
    .selectFrom('audit_log')
    .select('seq')
    .where('host', '=', host)
    .where('at', '>=', beforeMs)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  const last = await store.db
    .selectFrom('audit_log')
    .select(['seq', 'hash'])
    .where('host', '=', host)
    .$if(young !== undefined, (query) => query.where('seq', '<', young?.seq ?? 0))
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last === undefined) return undefined;
  const place = { host, seq: last.seq, hash: last.hash, at: nowMs };
  const signature = key.sign(signedText('checkpoint', place));
  const { db } = store;
  await store.batch([
    db
      .insertInto('audit_checkpoints')
      .values({ ...place, signature })
      .onConflict((conflict) =>
        conflict.column('host').doUpdateSet({ seq: place.seq, hash: place.hash, at: nowMs, signature }),
      ),
    db.deleteFrom('audit_log').where('host', '=', host).where('seq', '<=', place.seq),
  ]);
  return { seq: place.seq, hash: place.hash };
}
