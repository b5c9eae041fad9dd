import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { KvEncoding, KvServiceDefinition, type KvEntry, type SetRequest } from '@bulkhead/proto/host';
import { parseJson, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import { invalid, pageOf } from './pages.js';
import { createTwinMethods, unary, type TwinMethod } from './twin-methods.js';

/** The last time that a date can say. */
const MAX_TIME_MS = 8_640_000_000_000_000;
const MAX_KEY_BYTES = 255;
const MAX_VALUE_BYTES = 5_000_000;
const MAX_ITEMS = 1_000;
const MAX_ANSWER_BYTES = 8_000_000;

/** What one configured entry may keep. */
export interface KvTwinQuota {
  readonly maxBytes: number;
  readonly maxKeys: number;
}

/** As the host has it when its configuration says nothing else. */
const DEFAULT_QUOTA: KvTwinQuota = { maxBytes: 256_000_000, maxKeys: 100_000 };

export interface KvTwinOptions {
  /** JSON values or bytes by key. */
  readonly contents?: Readonly<Record<string, unknown>>;
  readonly quota?: Partial<KvTwinQuota>;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** The plugin's keys and values, in memory. */
export class KvTwin {
  readonly methods: readonly TwinMethod[];
  readonly #entries = new Map<string, KvEntry>();
  readonly #quota: KvTwinQuota;
  readonly #now: () => number;
  #lastVersion = 0n;

  constructor({ contents, quota, now }: KvTwinOptions) {
    this.#quota = { ...DEFAULT_QUOTA, ...quota };
    this.#now = now;
    for (const [key, value] of Object.entries(contents ?? {})) this.set(key, value);
    this.methods = this.#serve();
  }

  /** What a key holds; undefined when it is absent or has expired. */
  get(key: string): JsonValue | Uint8Array | undefined {
    const entry = this.#live(key);
    if (entry === undefined) return undefined;
    return entry.encoding === KvEncoding.KV_ENCODING_JSON
      ? parseJson(Buffer.from(entry.value).toString('utf8'))
      : entry.value;
  }

  set(key: string, value: unknown): void {
    const bytes = value instanceof Uint8Array;
    this.#put({
      key,
      value: bytes ? value : Buffer.from(stringifyJson(value)),
      encoding: bytes ? KvEncoding.KV_ENCODING_UNSPECIFIED : KvEncoding.KV_ENCODING_JSON,
      ttlMs: 0n,
    });
  }

  /** In ascending byte order. */
  keys(): readonly string[] {
    return [...this.#entries.keys()]
      .filter((key) => this.#live(key) !== undefined)
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  #serve(): readonly TwinMethod[] {
    const { methods } = KvServiceDefinition;
    return createTwinMethods(KvServiceDefinition, [
      unary(methods.get, ({ key }) => {
        assertKey(key);
        return { entry: this.#live(key) };
      }),
      unary(methods.getMany, ({ keys }) => {
        assertItems('keys', keys.length);
        for (const key of keys) assertKey(key);
        const entries = [...new Set(keys)].flatMap((key) => this.#live(key) ?? []);
        const bytes = entries.reduce((sum, { key, value }) => sum + sizeOf(key, value), 0);
        if (bytes <= MAX_ANSWER_BYTES) return { entries };
        throw new BulkheadError(
          ErrorCode.MESSAGE_TOO_LARGE,
          `the values are ${bytes} bytes together, and one answer holds ${MAX_ANSWER_BYTES}; ask for fewer keys`,
        );
      }),
      unary(methods.list, ({ prefix, pageSize, pageToken }) => {
        const keys = this.keys().filter((key) => key.startsWith(prefix));
        const page = pageOf(keys, (key) => key, pageSize, pageToken, byBytes);
        return {
          keys: page.items.flatMap((key) => {
            const entry = this.#live(key);
            if (entry === undefined) return [];
            const { version, expiresAtMs, value } = entry;
            return [{ key, version, expiresAtMs, sizeBytes: value.length }];
          }),
          nextPageToken: page.nextPageToken,
        };
      }),
      unary(methods.set, (request) => ({ version: this.#put(request).version })),
      unary(methods.delete, ({ key }) => {
        assertKey(key);
        const deleted = this.#live(key) !== undefined;
        this.#entries.delete(key);
        return { deleted };
      }),
      unary(methods.increment, ({ key, by, ttlMs }) => {
        assertKey(key);
        const entry = this.#live(key);
        const value = numberIn(entry) + Number(by);
        if (!Number.isSafeInteger(value)) {
          throw new BulkheadError(
            ErrorCode.CONFLICT,
            `expected '${key}' to be a whole number, and to stay between -2^53 and 2^53`,
            { field: 'key' },
          );
        }
        const written = this.#put({
          key,
          value: Buffer.from(String(value)),
          encoding: KvEncoding.KV_ENCODING_JSON,
          // The time to live is that of the call that made the key.
          ttlMs: entry === undefined ? ttlMs : entry.expiresAtMs === 0n ? 0n : this.#left(entry),
        });
        return { value: BigInt(value), version: written.version };
      }),
      unary(methods.compareAndSwap, ({ expectedVersion, ...request }) => {
        if (expectedVersion < 0n) {
          throw invalid(
            'expected_version',
            `expected a version, or 0 for an absent key, got ${expectedVersion}`,
          );
        }
        this.#assertWrite(request);
        const version = this.#live(request.key)?.version ?? 0n;
        if (version === expectedVersion) return { version: this.#put(request).version };
        const wanted = expectedVersion === 0n ? 'to be absent' : `to have the version ${expectedVersion}`;
        throw new BulkheadError(
          ErrorCode.CONFLICT,
          `expected '${request.key}' ${wanted}, and it has not; read it again`,
          { field: 'expected_version' },
        );
      }),
      unary(methods.batch, ({ writes }) => {
        assertItems('writes', writes.length);
        const before = new Map(this.#entries);
        try {
          for (const { write } of writes) {
            if (write === undefined) throw invalid('writes', 'expected each write to be a set or a delete');
            assertKey(write.value.key);
            if (write.$case === 'set') this.#put(write.value);
            else this.#entries.delete(write.value.key);
          }
        } catch (error) {
          this.#entries.clear();
          for (const [key, entry] of before) this.#entries.set(key, entry);
          throw error;
        }
        return {};
      }),
    ]);
  }

  #live(key: string): KvEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    return entry.expiresAtMs === 0n || Number(entry.expiresAtMs) > this.#now() ? entry : undefined;
  }

  #left({ expiresAtMs }: KvEntry): bigint {
    return expiresAtMs - BigInt(this.#now());
  }

  #assertWrite({ key, value, ttlMs }: Pick<SetRequest, 'key' | 'value' | 'ttlMs'>): void {
    assertKey(key);
    if (value.length > MAX_VALUE_BYTES) {
      throw invalid('value', `expected a value of at most ${MAX_VALUE_BYTES} bytes, got ${value.length}`);
    }
    if (ttlMs < 0n || this.#now() + Number(ttlMs) > MAX_TIME_MS) {
      throw invalid(
        'ttl_ms',
        `expected a time to live of 0 or more milliseconds that ends before the year 275760, got ${ttlMs}`,
      );
    }
  }

  #put(request: SetRequest): KvEntry {
    this.#assertWrite(request);
    const { key, value, encoding, ttlMs } = request;
    this.#assertRoom(key, value);
    const now = BigInt(Math.trunc(this.#now()));
    const seen = this.#entries.get(key)?.version ?? 0n;
    this.#lastVersion = [now, this.#lastVersion + 1n, seen + 1n].reduce((a, b) => (a > b ? a : b));
    const entry: KvEntry = {
      key,
      value,
      encoding,
      version: this.#lastVersion,
      expiresAtMs: ttlMs === 0n ? 0n : now + ttlMs,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #assertRoom(key: string, value: Uint8Array): void {
    const others = [...this.#entries.values()].filter((entry) => entry.key !== key);
    const bytes = others.reduce((sum, entry) => sum + sizeOf(entry.key, entry.value), sizeOf(key, value));
    const { maxBytes, maxKeys } = this.#quota;
    if (bytes <= maxBytes && others.length < maxKeys) return;
    throw new BulkheadError(
      ErrorCode.QUOTA_EXCEEDED,
      `the plugin may keep ${maxKeys} keys and ${maxBytes} bytes. Delete some keys.`,
    );
  }
}

function assertKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > MAX_KEY_BYTES) {
    throw invalid('key', `expected a key of 1 to ${MAX_KEY_BYTES} bytes, got ${bytes}`);
  }
  if (key.includes('\0')) throw invalid('key', 'expected a key without the character U+0000');
}

function assertItems(field: string, count: number): void {
  if (count > MAX_ITEMS) throw invalid(field, `expected at most ${MAX_ITEMS} ${field}, got ${count}`);
}

function sizeOf(key: string, value: Uint8Array): number {
  return Buffer.byteLength(key) + value.length;
}

/** NaN when it is no whole number. */
function numberIn(entry: KvEntry | undefined): number {
  if (entry === undefined) return 0;
  const text = Buffer.from(entry.value).toString('utf8');
  const json = entry.encoding === KvEncoding.KV_ENCODING_JSON;
  return json && /^(?:0|-?[1-9]\d{0,15})$/.test(text) ? Number(text) : NaN;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
