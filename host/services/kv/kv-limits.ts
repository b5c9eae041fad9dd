import { BulkheadError, ErrorCode } from '@bulkhead/proto';

export const MAX_KEY_BYTES = 255;
export const MAX_VALUE_BYTES = 5_000_000;
/** Keys of one GetMany, writes of one Batch, keys on one page. */
export const MAX_ITEMS = 1_000;
export const DEFAULT_PAGE_SIZE = 100;
/** Values of one GetMany together. */
export const MAX_ANSWER_BYTES = 8_000_000;

/** What one configured entry may keep. */
export interface KvQuota {
  /** Keys and values together. */
  readonly maxBytes: number;
  readonly maxKeys: number;
}

/** @throws INVALID_ARGUMENT */
export function assertKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > MAX_KEY_BYTES)
    throw invalid('key', `expected a key of 1 to ${MAX_KEY_BYTES} bytes, got ${bytes}`);
  if (key.includes('\0')) throw invalid('key', 'expected a key without the character U+0000');
}

/** @throws INVALID_ARGUMENT for what no key begins with */
export function assertPrefix(prefix: string): void {
  const bytes = Buffer.byteLength(prefix);
  if (bytes > MAX_KEY_BYTES)
    throw invalid('prefix', `expected a prefix of at most ${MAX_KEY_BYTES} bytes, got ${bytes}`);
  if (prefix.includes('\0')) throw invalid('prefix', 'expected a prefix without the character U+0000');
}

/** @throws INVALID_ARGUMENT */
export function assertValue(value: Uint8Array): void {
  if (value.length > MAX_VALUE_BYTES)
    throw invalid('value', `expected a value of at most ${MAX_VALUE_BYTES} bytes, got ${value.length}`);
}

/** @throws INVALID_ARGUMENT */
export function assertItems(field: string, count: number): void {
  if (count > MAX_ITEMS) throw invalid(field, `expected at most ${MAX_ITEMS} ${field}, got ${count}`);
}

/** The last time that a date can say. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** When what lives so long expires; null when it does not. @throws INVALID_ARGUMENT */
export function expiryOf(ttlMs: number, nowMs: number): number | null {
  if (ttlMs === 0) return null;
  const expiresAt = nowMs + ttlMs;
  if (ttlMs < 0 || !Number.isSafeInteger(expiresAt) || expiresAt > MAX_TIME_MS)
    throw invalid(
      'ttl_ms',
      `expected a time to live of 0 or more milliseconds that ends before the year 275760, got ${ttlMs}`,
    );
  return expiresAt;
}

export function invalid(field: string, message: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, message, { field });
}
