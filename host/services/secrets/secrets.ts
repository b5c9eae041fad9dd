import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Transaction } from 'kysely';
import { createOneAtATime } from '../../lifecycle/one-at-a-time.js';
import type { Seal } from '../../objects/seal.js';
import type { Database } from '../../store/database.js';
import type { SecretsTable } from '../../store/tables/secrets.js';
import type { Actor, Audit } from '../../telemetry/audit.js';
import { invalid } from './key-ring.js';
import type { ConfigSeal } from '../../stored-config/seal.js';
import { createConfigSeal, resealConfig } from './config-seal.js';
import { createObjectSeal } from './object-seal.js';
import { resealObjects } from './reseal-objects.js';
import { seal, unseal, type SealedFor } from './seal.js';
import { type KeyOptions, keyOf, nextKey, writeWith, writingKey } from './writing-key.js';

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

/** What a rotation encrypted anew, and with what. */
export interface RotatedKey {
  readonly key_id: string;
  readonly secrets: number;
  /** Objects with secrets inside. */
  readonly objects: number;
  /** Entries of the configuration of which something secret is set in the store. */
  readonly entries: number;
  readonly kept_in: string;
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
  rotateKey(by: Actor): Promise<RotatedKey>;
  /** Encrypts the secrets inside objects with the same keys. */
  readonly objects: Seal;
  /** The same for what of the configuration is set in the store. */
  readonly config: ConfigSeal;
  /** Hears of each change, on whichever host. Returns the function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const MAX_VALUE_BYTES = 65_536;
/** Bounds what one rotation encrypts in one transaction. */
const MAX_SECRETS = 1_000;
const CHANNEL = 'secrets';

export interface SecretsOptions extends KeyOptions {
  readonly audit: Audit;
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
    const value = unseal(keyOf(ring, id), forSecret(name, version), sealed);
    if (value !== undefined) return value;
    throw invalid(
      `the secret '${name}' does not open with its key: it was changed in the store. Set it anew`,
    );
  };

  // Whoever makes a key writes the file that holds them all.
  const inTurn = createOneAtATime();
  const prepare = async (): Promise<void> => {
    if (ring.keys.length > 0) return;
    await inTurn(async () => {
      if (ring.keys.length === 0 && (await ring.addKey?.()) === undefined)
        throw invalid(`there is no key in ${ring.where}`);
    });
  };
  const objects = createObjectSeal({ ring, prepare });
  const config = createConfigSeal({ ring, prepare });

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
      await prepare();
      const row = await store.transaction(async (trx) => {
        const key = await writingKey(ring, trx);
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
          sealed: seal(key, forSecret(name, version), value),
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
    objects,
    config,
    subscribe: (listener) => store.listen(CHANNEL, listener),
  };

  async function rotate(by: Actor): ReturnType<Secrets['rotateKey']> {
    const current = await store.db.selectFrom('secret_key').select('key_id').executeTakeFirst();
    const next = await nextKey({ store, ring, clock, hostId }, current?.key_id);
    const counts = await store.transaction(async (trx) => {
      const rows = await trx.selectFrom('secrets').selectAll().where('sealed', 'is not', null).execute();
      for (const row of rows) {
        const { name, version } = row;
        const sealed = seal(next, forSecret(name, version), open(row) ?? '');
        await trx.updateTable('secrets').set({ sealed, key_id: next.id }).where('name', '=', name).execute();
      }
      const count = {
        secrets: rows.length,
        objects: await resealObjects(trx, objects, next),
        entries: await resealConfig(trx, config, next),
      };
      await writeWith(trx, next);
      await audit.write(trx, {
        actor: by,
        action: 'secret.rotate_key',
        outcome: 'allowed',
        details: { from: current?.key_id ?? null, to: next.id, ...count },
      });
      return count;
    });
    // Until here both keys are held, so whatever was interrupted is readable.
    await ring.keepOnly?.(next);
    await changed();
    return { key_id: next.id, ...counts, kept_in: ring.where };
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

function forSecret(name: string, version: number): SealedFor {
  return { kind: 'secret', parts: [name, version] };
}

function show({ name, version, updated_at: at, updated_by: by }: SecretsTable): SecretInfo {
  return { name, version, updated_at: new Date(at).toISOString(), updated_by: by };
}
