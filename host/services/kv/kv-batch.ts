import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { KvChange } from './kv.js';
import type { WriteShare } from '../write-share.js';
import { assertItems, assertKey, assertValue, expiryOf } from './kv-limits.js';
import { deleteStatement, setStatement, sizeOf } from './kv-statements.js';
import type { KvAmount, KvUsage } from './kv-usage.js';

export interface KvBatchParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly usage: KvUsage;
  readonly writes: WriteShare;
  readonly nextVersion: () => number;
}

/** Sets and deletes of several keys that stand or fall together. */
export function createKvBatch({ store, clock, usage, writes, nextVersion }: KvBatchParts) {
  const { db } = store;

  /** What the keys of a batch hold now. */
  const replacedBy = async (entry: string, keys: readonly string[]): Promise<KvAmount> => {
    const held = await db
      .selectFrom('kv')
      .select(({ fn }) => [fn.sum<number | null>('size').as('bytes'), fn.countAll<number>().as('keys')])
      .where('entry', '=', entry)
      .where('key', 'in', keys)
      .executeTakeFirstOrThrow();
    return { bytes: Number(held.bytes ?? 0), keys: Number(held.keys) };
  };

  return async (entry: string, changes: readonly KvChange[]): Promise<void> => {
    assertItems('writes', changes.length);
    const now = clock.now();
    const added = { bytes: 0, keys: 0 };
    const statements = changes.map((change) => {
      assertKey(change.key);
      if (change.kind === 'delete') return deleteStatement(db, entry, change.key);
      assertValue(change.value);
      added.bytes += sizeOf(change.key, change.value);
      added.keys += 1;
      return setStatement(db, {
        ...change,
        entry,
        expiresAt: expiryOf(change.ttlMs, now),
        version: nextVersion(),
      });
    });
    if (statements.length === 0) return;
    const keys = [...new Set(changes.map(({ key }) => key))];
    return writes.enter(entry, added.bytes, async () => {
      const settle = await usage.reserve(entry, added, async () => replacedBy(entry, keys));
      try {
        const results = await store.batch(statements);
        const change = { bytes: 0, keys: 0 };
        results.forEach(({ rows }, index) => {
          const row = rows[0];
          if (row === undefined) return;
          if (changes[index]?.kind === 'set') {
            const replaced = numberAt(row, 'replaced_size');
            change.bytes += (numberAt(row, 'size') ?? 0) - (replaced ?? 0);
            change.keys += replaced === undefined ? 1 : 0;
          } else {
            change.bytes -= numberAt(row, 'size') ?? 0;
            change.keys -= 1;
          }
        });
        settle(change);
      } catch (error) {
        settle();
        throw error;
      }
    });
  };
}

/** A column of a row that came without its type. */
function numberAt(row: unknown, column: string): number | undefined {
  if (typeof row !== 'object' || row === null) return undefined;
  const value: unknown = Reflect.get(row, column);
  return typeof value === 'number' ? value : undefined;
}
