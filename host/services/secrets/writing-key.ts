import type { Kysely } from 'kysely';
import type { Clock } from '../../clock.js';
import type { Database } from '../../store/database.js';
import type { Store } from '../../store/store.js';
import { invalid, type KeyRing } from './key-ring.js';
import type { SecretKey } from './seal.js';

export interface KeyOptions {
  readonly store: Store;
  readonly ring: KeyRing;
  readonly clock: Clock;
  /** This host's id in the audit log; others there share the store. */
  readonly hostId: string;
}

const KEY_SLOT = 1;
const DAY_MS = 86_400_000;

/** The key that the store is written with; the first one ever is this host's newest. @throws SECRET_KEY_INVALID */
export async function writingKey(ring: KeyRing, trx: Kysely<Database>): Promise<SecretKey> {
  const first = ring.keys.at(-1);
  if (first === undefined) throw invalid(`there is no key in ${ring.where}`);
  const row = await trx
    .insertInto('secret_key')
    .values({ slot: KEY_SLOT, key_id: first.id })
    .onConflict((conflict) => conflict.column('slot').doNothing())
    .returning('key_id')
    .executeTakeFirst();
  const known = row ?? (await trx.selectFrom('secret_key').select('key_id').executeTakeFirstOrThrow());
  return keyOf(ring, known.key_id);
}

/** From this transaction on the store is written with that key. */
export async function writeWith(trx: Kysely<Database>, { id }: SecretKey): Promise<void> {
  await trx
    .insertInto('secret_key')
    .values({ slot: KEY_SLOT, key_id: id })
    .onConflict((conflict) => conflict.column('slot').doUpdateSet({ key_id: id }))
    .execute();
}

/** @throws SECRET_KEY_INVALID when the host does not hold it */
export function keyOf({ keys, where }: KeyRing, id: string): SecretKey {
  const found = keys.find((key) => key.id === id);
  if (found !== undefined) return found;
  const held = keys.length === 0 ? 'none' : keys.map((key) => key.id).join(', ');
  throw invalid(
    `the store's secrets are written with the key ${id}; ${where} holds ${held}. Put that key back; without it, what they hold is lost`,
  );
}

/** The newest key that the host holds, when that is not the one in use; else one that it makes. @throws SECRET_KEY_INVALID */
export async function nextKey(
  { store, ring, clock, hostId }: KeyOptions,
  current: string | undefined,
): Promise<SecretKey> {
  const newest = ring.keys.at(-1);
  if (newest !== undefined && newest.id !== current) return newest;
  const others = await store.db
    .selectFrom('audit_heads')
    .select('host')
    .where('host', '!=', hostId)
    .where('at', '>', clock.now() - DAY_MS)
    .limit(1)
    .executeTakeFirst();
  if (ring.addKey !== undefined && others === undefined) return ring.addKey();
  throw invalid(
    `expected a new key after the one in use in ${ring.where}, ` +
      (others === undefined
        ? 'which this host does not write'
        : 'on this host and on each other one that shares the store') +
      '; let every host read both, then rotate',
  );
}
