import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Actor, Audit } from '../../telemetry/audit.js';
import { createKvBatch } from './kv-batch.js';
import { listKeys, type KvKeyPage } from './kv-list.js';
import {
  assertItems,
  assertKey,
  assertValue,
  expiryOf,
  invalid,
  MAX_ANSWER_BYTES,
  type KvQuota,
} from './kv-limits.js';
import { KvReads, type KvRow } from './kv-reads.js';
import {
  createStatement,
  deleteStatement,
  incrementStatement,
  NUMBER_BYTES,
  setStatement,
  sizeOf,
  swapStatement,
} from './kv-statements.js';
import { WriteShare } from '../write-share.js';
import { startSweeper, type Sweeper } from './kv-sweeper.js';
import { KvUsage } from './kv-usage.js';
import type { KvValue } from './kv-value.js';
import { createVersions } from './kv-versions.js';

export interface KvOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  /** What one entry may keep; asked at each write. */
  readonly quota: () => KvQuota;
  /** Between two removals of expired keys. */
  readonly sweepIntervalMs: number;
}

/** A write as a plugin asks for it. */
export interface KvSet extends KvValue {
  readonly key: string;
  /** 0 keeps it for ever. */
  readonly ttlMs: number;
}

export type KvChange = ({ readonly kind: 'set' } & KvSet) | { readonly kind: 'delete'; readonly key: string };

/** The keys and values of all configured entries; `entry` is the namespace. Every write that is answered stands. */
export interface Kv {
  /** Undefined when there is no such key. */
  get(entry: string, key: string): Promise<KvRow | undefined>;
  /** Absent keys are left out. @throws MESSAGE_TOO_LARGE */
  getMany(entry: string, keys: readonly string[]): Promise<readonly KvRow[]>;
  /** In ascending byte order. */
  list(entry: string, prefix: string, pageSize: number, pageToken: string): Promise<KvKeyPage>;
  /** The new version. @throws QUOTA_EXCEEDED */
  set(entry: string, set: KvSet): Promise<number>;
  /** False when there was no such key. */
  delete(entry: string, key: string): Promise<boolean>;
  /** @throws CONFLICT when the value is no whole number, or would become one that cannot be kept exactly */
  increment(
    entry: string,
    key: string,
    by: number,
    ttlMs: number,
  ): Promise<{ readonly value: number; readonly version: number }>;
  /** The new version. @param expected 0: the key must be absent. @throws CONFLICT */
  compareAndSwap(entry: string, set: KvSet, expected: number): Promise<number>;
  /** All of it, in order, or nothing. */
  batch(entry: string, changes: readonly KvChange[]): Promise<void>;
  /** Forgets everything that an entry keeps. The number of keys. */
  clear(entry: string, actor: Actor): Promise<number>;
  /** Removes what has expired; it is done now and then anyway. */
  sweep(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

export function createKv(options: KvOptions): Kv {
  const { store, clock, log, audit, quota } = options;
  const { db } = store;
  const reads = new KvReads(store, clock);
  const usage = new KvUsage(store, clock, quota);
  const nextVersion = createVersions(clock);
  const writes = new WriteShare({ maxBytes: 8_388_608, maxWaitingBytes: 33_554_432 });
  const batch = createKvBatch({ store, clock, usage, writes, nextVersion });
  let sweeper: Sweeper | undefined;

  /** What a key holds, expired or not. */
  const sizeOfKey = async (entry: string, key: string): Promise<{ bytes: number; keys: number }> => {
    const row = await db
      .selectFrom('kv')
      .select('size')
      .where('entry', '=', entry)
      .where('key', '=', key)
      .executeTakeFirst();
    return row === undefined ? { bytes: 0, keys: 0 } : { bytes: row.size, keys: 1 };
  };

  /** One write of one key. Undefined when its condition did not hold. */
  const write = async <Row extends { readonly size: number; readonly replaced_size: number | null }>(
    entry: string,
    key: string,
    size: number,
    statement: () => { execute(): Promise<Row[]> },
  ): Promise<Row | undefined> => {
    return writes.enter(entry, size, async () => {
      const settle = await usage.reserve(entry, { bytes: size, keys: 1 }, () => sizeOfKey(entry, key));
      try {
        const [row] = await statement().execute();
        settle(
          row === undefined
            ? { bytes: 0, keys: 0 }
            : { bytes: row.size - (row.replaced_size ?? 0), keys: row.replaced_size === null ? 1 : 0 },
        );
        return row;
      } catch (error) {
        settle();
        throw error;
      }
    });
  };

  const checked = (entry: string, { key, value, encoding, ttlMs }: KvSet) => {
    assertKey(key);
    assertValue(value);
    const expiresAt = expiryOf(ttlMs, clock.now());
    return { entry, key, value, encoding, expiresAt, version: nextVersion() };
  };

  return {
    async get(entry, key) {
      assertKey(key);
      return reads.get(entry, key);
    },
    async getMany(entry, keys) {
      assertItems('keys', keys.length);
      for (const key of keys) assertKey(key);
      let bytes = 0;
      const admit = (size: number): void => {
        bytes += size;
        if (bytes <= MAX_ANSWER_BYTES) return;
        throw new BulkheadError(
          ErrorCode.MESSAGE_TOO_LARGE,
          `the values are more than ${MAX_ANSWER_BYTES} bytes together, which is what one answer holds; ask for fewer keys`,
        );
      };
      const rows = await Promise.all([...new Set(keys)].map(async (key) => reads.get(entry, key, admit)));
      return rows.filter((row) => row !== undefined);
    },
    list: async (entry, prefix, pageSize, pageToken) =>
      listKeys(db, { entry, prefix, pageSize, pageToken, nowMs: clock.now() }),
    async set(entry, set) {
      const row = checked(entry, set);
      const written = await write(entry, set.key, sizeOf(set.key, set.value), () => setStatement(db, row));
      if (written === undefined)
        throw new BulkheadError(ErrorCode.INTERNAL, 'a write of a key came back empty');
      return written.version;
    },
    async delete(entry, key) {
      assertKey(key);
      const [gone] = await writes.enter(entry, 0, () => deleteStatement(db, entry, key).execute());
      if (gone === undefined) return false;
      usage.release(entry, { bytes: gone.size, keys: 1 });
      return gone.expires_at === null || gone.expires_at > clock.now();
    },
    async increment(entry, key, by, ttlMs) {
      assertKey(key);
      if (!Number.isSafeInteger(by)) throw invalid('by', 'expected a whole number between -2^53 and 2^53');
      const now = clock.now();
      const row = { entry, key, expiresAt: expiryOf(ttlMs, now), version: nextVersion() };
      const size = Buffer.byteLength(key) + NUMBER_BYTES;
      const written = await write(entry, key, size, () => incrementStatement(db, row, by, now));
      if (written !== undefined) return { value: written.number ?? 0, version: written.version };
      throw new BulkheadError(
        ErrorCode.CONFLICT,
        `expected '${key}' to be a whole number, and to stay between -2^53 and 2^53`,
        { field: 'key' },
      );
    },
    async compareAndSwap(entry, set, expected) {
      if (!Number.isSafeInteger(expected) || expected < 0)
        throw invalid('expected_version', `expected a version, or 0 for an absent key, got ${expected}`);
      const row = checked(entry, set);
      const now = clock.now();
      const written = await write(entry, set.key, sizeOf(set.key, set.value), () =>
        expected === 0 ? createStatement(db, row, now) : swapStatement(db, row, expected, now),
      );
      if (written !== undefined) return written.version;
      const wanted = expected === 0 ? 'to be absent' : `to have the version ${expected}`;
      throw new BulkheadError(
        ErrorCode.CONFLICT,
        `expected '${set.key}' ${wanted}, and it has not; read it again`,
        {
          field: 'expected_version',
        },
      );
    },
    batch: async (entry, changes) => batch(entry, changes),
    async clear(entry, actor) {
      const keys = await store.transaction(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('kv').where('entry', '=', entry).executeTakeFirst();
        const count = Number(numDeletedRows);
        await audit.write(trx, {
          actor,
          action: 'kv.clear',
          target: `plugin/${entry}`,
          outcome: 'allowed',
          details: { keys: count },
        });
        return count;
      });
      usage.forget(entry);
      await audit.settled();
      return keys;
    },
    sweep: async () => sweeper?.sweep(),
    start() {
      sweeper ??= startSweeper(store, clock, log, usage, options.sweepIntervalMs);
    },
    async stop() {
      await sweeper?.stop();
    },
  };
}
