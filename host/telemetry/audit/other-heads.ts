import type { JsonObject } from '@bulkhead/proto/json';
import type { Store } from '../../store/store.js';

/** Hosts that one entry tells of. */
const MAX_HEADS = 50;

/** Where the chains of other hosts stand, the ones that wrote last first. */
export async function readOtherHeads(store: Store, hostId: string): Promise<JsonObject[]> {
  const rows = await store.db
    .selectFrom('audit_heads')
    .select(['host', 'seq', 'hash'])
    .where('host', '!=', hostId)
    .orderBy('at', 'desc')
    .limit(MAX_HEADS)
    .execute();
  return rows.map(({ host, seq, hash }) => ({ host, seq, hash }));
}
