import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import {
  KvEncoding,
  KvServiceClientImpl,
  type KvEntry as KvEntryMessage,
  type KvWrite as KvWriteMessage,
} from '@bulkhead/proto/host';
import { parseJson, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import { describe } from '@bulkhead/proto/rules';
import { allPages, toPage, type Page, type PageOptions } from './page.js';
import type { HostRpc } from './transport.js';

export interface KvWriteOptions {
  /** After which the key reads as absent, in milliseconds. Default: never. */
  readonly ttlMs?: number;
}

/** A key with its value. */
export interface KvEntry<T> {
  readonly key: string;
  readonly value: T;
  /** Grows with each write of the key; for `compareAndSwap`. */
  readonly version: number;
  /** Milliseconds since the Unix epoch; undefined when it does not expire. */
  readonly expiresAtMs: number | undefined;
}

/** What a list says of a key. */
export interface KvKeyInfo {
  readonly key: string;
  readonly version: number;
  readonly expiresAtMs: number | undefined;
  readonly sizeBytes: number;
}

export interface KvListOptions extends PageOptions {
  /** Only keys that begin so. Default: all. */
  readonly prefix?: string;
}

/** One write of a batch. */
export type KvWrite =
  { readonly set: string; readonly value: unknown; readonly ttlMs?: number } | { readonly delete: string };

/** How often `update` tries again when somebody else wrote meanwhile. */
const MAX_UPDATE_ATTEMPTS = 16;

/**
 * Values that outlive the process, shared by every process of this configured entry. A value is JSON, or bytes as a
 * Uint8Array, and comes back as what it was. Keys have 1 to 255 bytes, values at most 5 MB. Reading needs the scope
 * kv.read or kv.readwrite, writing kv.readwrite.
 */
export interface Kv {
  /** Undefined when the key is absent or has expired. */
  get<T = JsonValue>(key: string): Promise<T | undefined>;
  /** The same with the version. */
  getEntry<T = JsonValue>(key: string): Promise<KvEntry<T> | undefined>;
  /** The keys that are there, at most 1,000, in one call. */
  getMany<T = JsonValue>(keys: readonly string[]): Promise<ReadonlyMap<string, T>>;
  /** A page of keys in ascending byte order. */
  list(options?: KvListOptions): Promise<Page<KvKeyInfo>>;
  /** Every key. */
  all(options?: KvListOptions): AsyncIterable<KvKeyInfo>;
  /**
   * @returns the new version
   * @throws BulkheadError INVALID_ARGUMENT, QUOTA_EXCEEDED, as a rejection
   */
  set(key: string, value: unknown, options?: KvWriteOptions): Promise<number>;
  /** @returns whether there was such a key */
  delete(key: string): Promise<boolean>;
  /**
   * Adds to a whole number, atomically over every process and host; an absent key counts as 0.
   *
   * @param by may be negative. Default: 1
   * @returns the sum
   * @throws BulkheadError CONFLICT when the value is no number, as a rejection
   */
  increment(key: string, by?: number, options?: KvWriteOptions): Promise<number>;
  /**
   * Sets a value only over the version that the caller has seen; 0 stands for absent.
   *
   * @returns the new version
   * @throws BulkheadError CONFLICT when somebody else wrote meanwhile, as a rejection
   */
  compareAndSwap(key: string, version: number, value: unknown, options?: KvWriteOptions): Promise<number>;
  /**
   * Reads, changes and writes, again until nobody else wrote in between.
   *
   * @param change gets the value, undefined when absent, and returns the new one; it may run several times
   * @returns the value that was written
   * @throws BulkheadError CONFLICT after 16 attempts, as a rejection
   */
  update<T = JsonValue>(
    key: string,
    change: (value: T | undefined) => T | Promise<T>,
    options?: KvWriteOptions,
  ): Promise<T>;
  /** Up to 1,000 writes; all of them happen, or none. */
  batch(writes: readonly KvWrite[]): Promise<void>;
}

export function createKv(rpc: HostRpc): Kv {
  const client = new KvServiceClientImpl(rpc);
  const kv: Kv = {
    async get<T>(key: string) {
      return (await kv.getEntry<T>(key))?.value;
    },
    async getEntry<T>(key: string) {
      const { entry } = await client.Get({ key });
      return entry === undefined ? undefined : toEntry<T>(entry);
    },
    async getMany<T>(keys: readonly string[]) {
      const { entries } = await client.GetMany({ keys: [...keys] });
      return new Map(entries.map((entry) => [entry.key, decodeValue<T>(entry)]));
    },
    async list({ prefix, pageSize, pageToken } = {}) {
      const answer = await client.List({
        prefix: prefix ?? '',
        pageSize: pageSize ?? 0,
        pageToken: pageToken ?? '',
      });
      const items = answer.keys.map(({ key, version, expiresAtMs, sizeBytes }) => ({
        key,
        version: Number(version),
        expiresAtMs: expiry(expiresAtMs),
        sizeBytes,
      }));
      return toPage(items, answer.nextPageToken);
    },
    all: (options = {}) => allPages((page: KvListOptions) => kv.list(page), options),
    async set(key, value, options) {
      const { version } = await client.Set({ key, ...encodeValue(value), ttlMs: ttl(options) });
      return Number(version);
    },
    delete: async (key) => (await client.Delete({ key })).deleted,
    async increment(key, by = 1, options) {
      if (!Number.isSafeInteger(by)) {
        throw invalid('by', `expected a whole number, got ${describe(by)}`);
      }
      const { value } = await client.Increment({ key, by: BigInt(by), ttlMs: ttl(options) });
      return Number(value);
    },
    async compareAndSwap(key, version, value, options) {
      const answer = await client.CompareAndSwap({
        key,
        expectedVersion: BigInt(version),
        ...encodeValue(value),
        ttlMs: ttl(options),
      });
      return Number(answer.version);
    },
    async update<T>(key: string, change: (value: T | undefined) => T | Promise<T>, options?: KvWriteOptions) {
      for (let attempt = 1; ; attempt += 1) {
        const seen = await kv.getEntry<T>(key);
        const value = await change(seen?.value);
        try {
          await kv.compareAndSwap(key, seen?.version ?? 0, value, options);
          return value;
        } catch (error) {
          const lost = isBulkheadError(error) && error.code === ErrorCode.CONFLICT;
          if (!lost || attempt >= MAX_UPDATE_ATTEMPTS) throw error;
        }
      }
    },
    async batch(writes) {
      await client.Batch({ writes: writes.map((write) => ({ write: toWrite(write) })) });
    },
  };
  return kv;
}

function toWrite(write: KvWrite): KvWriteMessage['write'] {
  if ('delete' in write) return { $case: 'delete', value: { key: write.delete } };
  return { $case: 'set', value: { key: write.set, ...encodeValue(write.value), ttlMs: ttl(write) } };
}

function toEntry<T>(entry: KvEntryMessage): KvEntry<T> {
  return {
    key: entry.key,
    value: decodeValue<T>(entry),
    version: Number(entry.version),
    expiresAtMs: expiry(entry.expiresAtMs),
  };
}

function encodeValue(value: unknown): Pick<KvEntryMessage, 'value' | 'encoding'> {
  if (value instanceof Uint8Array) return { value, encoding: KvEncoding.KV_ENCODING_UNSPECIFIED };
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') {
    throw invalid(
      'value',
      `expected a JSON value or a Uint8Array, got ${describe(value)}; delete removes a key`,
    );
  }
  return { value: Buffer.from(stringifyJson(value)), encoding: KvEncoding.KV_ENCODING_JSON };
}

/** What the key holds is what the plugin put there: its author knows the type. */
function decodeValue<T>({ value, encoding }: Pick<KvEntryMessage, 'value' | 'encoding'>): T {
  if (encoding !== KvEncoding.KV_ENCODING_JSON) return value as T;
  return parseJson(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')) as T;
}

function ttl(options: KvWriteOptions | undefined): bigint {
  const ttlMs = options?.ttlMs;
  if (ttlMs === undefined) return 0n;
  if (!(Number.isSafeInteger(Math.ceil(ttlMs)) && ttlMs > 0)) {
    throw invalid('ttlMs', `expected milliseconds above 0, got ${describe(ttlMs)}`);
  }
  return BigInt(Math.ceil(ttlMs));
}

function expiry(ms: bigint): number | undefined {
  return ms === 0n ? undefined : Number(ms);
}

function invalid(field: string, message: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, `${field}: ${message}`, { field });
}
