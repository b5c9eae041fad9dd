import { OBJECT_TYPES, isPlainObject, type ObjectType } from '@bulkhead/proto/rules';
import type { Kysely } from 'kysely';
import { hasSecrets, openObject, sealObject, type Seal } from '../../objects/seal.js';
import type { Database } from '../../store/database.js';
import { sealWith } from './object-seal.js';
import type { SecretKey } from './seal.js';

/** Bounds what is in memory at once. */
const ROWS_AT_ONCE = 200;

/**
 * Encrypts the secrets inside every object anew, and those in what waits for after hooks. An object's etag stays.
 *
 * @returns how many objects have secrets
 * @throws SECRET_KEY_INVALID when one does not open
 */
export async function resealObjects(trx: Kysely<Database>, from: Seal, key: SecretKey): Promise<number> {
  const to: Seal = { ...from, sealer: () => Promise.resolve(sealWith(key)) };
  const anew = async (type: ObjectType, id: string, value: unknown): Promise<object | undefined> =>
    isPlainObject(value) && hasSecrets(type, value)
      ? sealObject(to, trx, type, id, openObject(from, type, id, value))
      : undefined;
  let count = 0;
  for (const type of OBJECT_TYPES) {
    count += await resealType(trx, type, async (id, data) => {
      const sealed = await anew(type, id, data);
      return sealed === undefined ? undefined : JSON.stringify(sealed);
    });
  }
  await resealRuns(trx, async (type, id, payload) => {
    const [object, previous] = [
      await anew(type, id, payload['object']),
      await anew(type, id, payload['previous']),
    ];
    return {
      ...payload,
      ...(object === undefined ? {} : { object }),
      ...(previous === undefined ? {} : { previous }),
    };
  });
  return count;
}

async function resealType(
  trx: Kysely<Database>,
  type: ObjectType,
  anew: (id: string, data: unknown) => Promise<string | undefined>,
): Promise<number> {
  let count = 0;
  for (let after = ''; ;) {
    const rows = await trx
      .selectFrom('objects')
      .select(['id', 'data'])
      .where('type', '=', type)
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const { id, data: text } of rows) {
      const data = await anew(id, JSON.parse(text));
      if (data === undefined) continue;
      await trx.updateTable('objects').set({ data }).where('type', '=', type).where('id', '=', id).execute();
      count += 1;
    }
    const last = rows.at(-1);
    if (last === undefined) return count;
    after = last.id;
  }
}

async function resealRuns(
  trx: Kysely<Database>,
  anew: (type: ObjectType, id: string, payload: Readonly<Record<string, unknown>>) => Promise<object>,
): Promise<void> {
  for (let after = 0; ;) {
    const rows = await trx
      .selectFrom('object_hook_runs')
      .select(['id', 'object_type', 'object_id', 'payload'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const row of rows) {
      const type = OBJECT_TYPES.find((name) => name === row.object_type);
      const payload: unknown = JSON.parse(row.payload);
      if (type === undefined || !isPlainObject(payload)) continue;
      const sealed = JSON.stringify(await anew(type, row.object_id, payload));
      await trx.updateTable('object_hook_runs').set({ payload: sealed }).where('id', '=', row.id).execute();
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}
