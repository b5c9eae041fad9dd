import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Transaction } from 'kysely';
import type { Clock } from '../../clock.js';
import { createOneAtATime } from '../../lifecycle/one-at-a-time.js';
import type { Database } from '../../store/database.js';
import type { Store } from '../../store/store.js';
import type { SecretsTable } from '../../store/tables/secrets.js';
import type { Actor, Audit } from '../../telemetry/audit.js';
import { invalid, type KeyRing } from './key-ring.js';
import { seal, unseal, type SecretKey } from './seal.js';

/** A secret as it is shown: never its value. */
export interface SecretInfo {
  readonly name: string;
  readonly version: number;
  readonly updated_at: string;
  readonly updated_by: string;
}

export interface SecretValue {
  readonly value: string;
  readonly version: number;
}

/** Named values, encrypted in the store. */
export interface Secrets {
  list(): Promise<readonly SecretInfo[]>;
  /** undefined when there is none. @throws SECRET_KEY_INVALID when it cannot be opened */
  get(name: string): Promise<SecretValue | undefined>;
  /** Every one, by name. */
  all(): Promise<ReadonlyMap<string, string>>;
  /** @throws INVALID_ARGUMENT */
  set(name: string, value: string, by: Actor): Promise<SecretInfo>;
  /** @throws NOT_FOUND */
  remove(name: string, by: Actor): Promise<void>;
  /** Encrypts everything anew with the newest key that this host holds, or one that it makes. @throws SECRET_KEY_INVALID */
  rotateKey(
    by: Actor,
  ): Promise<{ readonly key_id: string; readonly secrets: number; readonly kept_in: string }>;
  /** Hears of each change, on whichever host. Returns the function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const MAX_VALUE_BYTES = 65_536;
/** Bounds what one rotation encrypts in one transaction. */
const MAX_SECRETS = 1_000;
const CHANNEL = 'secrets';
const KEY_SLOT = 1;
const DAY_MS = 86_400_000;

export interface SecretsOptions {
  readonly store: Store;
  readonly ring: KeyRing;
  readonly clock: Clock;
  readonly audit: Audit;
  /** This host's id in the audit log; others there share the store. */
  readonly hostId: string;
}

/**
 * Opens the secrets of a store, and finds out whether this host has their key.
 *
 * @throws SECRET_KEY_INVALID; nothing is overwritten then
 */
export async function openSecrets(options: SecretsOptions): Promise<Secrets> {
  const { store, ring } = options;
  const used = await store.db.selectFrom('secret_key').select('key_id').executeTakeFirst();
  const rows = await store.db
    .selectFrom('secrets')
    .select('key_id')
    .distinct()
    .where('sealed', 'is not', null)
    .execute();
  for (const { key_id: id } of used === undefined ? rows : [used, ...rows]) keyOf(ring, id);
  return createSecrets(options);
}

function createSecrets({ store, ring, clock, audit, hostId }: SecretsOptions): Secrets {
  const open = ({ name, version, key_id: id, sealed }: SecretsTable): string | undefined => {
    if (sealed === null) return undefined;
    const value = unseal(keyOf(ring, id), { name, version }, sealed);
    if (value !== undefined) return value;
    throw invalid(
      `the secret '${name}' does not open with its key: it was changed in the store. Set it anew`,
    );
  };

  /** The key that the store is written with; the first one ever is this host's newest. */
  const writingKey = async (trx: Transaction<Database>, first: SecretKey): Promise<SecretKey> => {
    const row = await trx
      .insertInto('secret_key')
      .values({ slot: KEY_SLOT, key_id: first.id })
      .onConflict((conflict) => conflict.column('slot').doNothing())
      .returning('key_id')
      .executeTakeFirst();
    const known = row ?? (await trx.selectFrom('secret_key').select('key_id').executeTakeFirstOrThrow());
    return keyOf(ring, known.key_id);
  };

  // Whoever makes a key writes the file that holds them all.
  const inTurn = createOneAtATime();
  const newestKey = (): Promise<SecretKey> =>
    inTurn(async () => {
      const newest = ring.keys.at(-1) ?? (await ring.addKey?.());
      if (newest === undefined) throw invalid(`there is no key in ${ring.where}`);
      return newest;
    });

  const changed = async (): Promise<void> => {
    await audit.settled();
    await store.notify(CHANNEL, 'changed');
  };

  return {
    async list() {
      const rows = await store.db
        .selectFrom('secrets')
        .selectAll()
        .where('sealed', 'is not', null)
        .orderBy('name')
        .execute();
      return rows.map(show);
    },
    async get(name) {
      const row = await store.db
        .selectFrom('secrets')
        .selectAll()
        .where('name', '=', name)
        .executeTakeFirst();
      const value = row === undefined ? undefined : open(row);
      return row === undefined || value === undefined ? undefined : { value, version: row.version };
    },
    async all() {
      const rows = await store.db.selectFrom('secrets').selectAll().where('sealed', 'is not', null).execute();
      return new Map(rows.map((row) => [row.name, open(row) ?? '']));
    },
    async set(name, value, by) {
      assertSecret(name, value);
      const first = await newestKey();
      const row = await store.transaction(async (trx) => {
        const key = await writingKey(trx, first);
        const before = await trx
          .selectFrom('secrets')
          .select('version')
          .where('name', '=', name)
          .executeTakeFirst();
        if (before === undefined) await assertRoom(trx);
        const version = (before?.version ?? 0) + 1;
        const content = {
          version,
          key_id: key.id,
          sealed: seal(key, { name, version }, value),
          updated_at: clock.now(),
          updated_by: by.id,
        };
        await trx
          .insertInto('secrets')
          .values({ name, ...content })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(content))
          .execute();
        await audit.write(trx, {
          actor: by,
          action: 'secret.set',
          target: `secret/${name}`,
          outcome: 'allowed',
          details: { version },
        });
        return { name, ...content };
      });
      await changed();
      return show(row);
    },
    async remove(name, by) {
      const removed = await store.transaction(async (trx) => {
        const row = await trx
          .updateTable('secrets')
          .set((where) => ({
            sealed: null,
            version: where('version', '+', 1),
            updated_at: clock.now(),
            updated_by: by.id,
          }))
          .where('name', '=', name)
          .where('sealed', 'is not', null)
          .returning('name')
          .executeTakeFirst();
        if (row === undefined) return false;
        await audit.write(trx, {
          actor: by,
          action: 'secret.remove',
          target: `secret/${name}`,
          outcome: 'allowed',
        });
        return true;
      });
      if (!removed) throw new BulkheadError(ErrorCode.NOT_FOUND, `there is no secret '${name}'`);
      await changed();
    },
    rotateKey: (by) => inTurn(() => rotate(by)),
    subscribe: (listener) => store.listen(CHANNEL, listener),
  };

  async function rotate(by: Actor): ReturnType<Secrets['rotateKey']> {
    const current = await store.db.selectFrom('secret_key').select('key_id').executeTakeFirst();
    const next = await nextKey(current?.key_id);
    const count = await store.transaction(async (trx) => {
      const rows = await trx.selectFrom('secrets').selectAll().where('sealed', 'is not', null).execute();
      for (const row of rows) {
        const { name, version } = row;
        const sealed = seal(next, { name, version }, open(row) ?? '');
        await trx.updateTable('secrets').set({ sealed, key_id: next.id }).where('name', '=', name).execute();
      }
      await trx
        .insertInto('secret_key')
        .values({ slot: KEY_SLOT, key_id: next.id })
        .onConflict((conflict) => conflict.column('slot').doUpdateSet({ key_id: next.id }))
        .execute();
      await audit.write(trx, {
        actor: by,
        action: 'secret.rotate_key',
        outcome: 'allowed',
        details: { from: current?.key_id ?? null, to: next.id, secrets: rows.length },
      });
      return rows.length;
    });
    // Until here both keys are held, so whatever was interrupted is readable.
    await ring.keepOnly?.(next);
    await changed();
    return { key_id: next.id, secrets: count, kept_in: ring.where };
  }

  /** The newest key that the host holds, when that is not the one in use; else one that it makes. */
  async function nextKey(current: string | undefined): Promise<SecretKey> {
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
}

async function assertRoom(trx: Transaction<Database>): Promise<void> {
  const { count } = await trx
    .selectFrom('secrets')
    .select((where) => where.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (count < MAX_SECRETS) return;
  throw new BulkheadError(
    ErrorCode.QUOTA_EXCEEDED,
    `there are ${MAX_SECRETS} secrets already, which is the most`,
  );
}

function assertSecret(name: string, value: string): void {
  const fail = (field: string, message: string): never => {
    throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, message, { field });
  };
  if (!NAME.test(name))
    fail(
      'name',
      `expected a name of letters, digits, '_', '.' and '-', at most 128, got '${name.slice(0, 100)}'`,
    );
  const size = Buffer.byteLength(value);
  if (size === 0 || size > MAX_VALUE_BYTES)
    fail('value', `expected a value of 1 to ${MAX_VALUE_BYTES} bytes, got ${size}`);
}

/** @throws SECRET_KEY_INVALID when the host does not hold it */
function keyOf({ keys, where }: KeyRing, id: string): SecretKey {
  const found = keys.find((key) => key.id === id);
  if (found !== undefined) return found;
  const held = keys.length === 0 ? 'none' : keys.map((key) => key.id).join(', ');
  throw invalid(
    `the store's secrets are written with the key ${id}; ${where} holds ${held}. Put that key back; without it, what they hold is lost`,
  );
}

function show({ name, version, updated_at: at, updated_by: by }: SecretsTable): SecretInfo {
  return { name, version, updated_at: new Date(at).toISOString(), updated_by: by };
}
