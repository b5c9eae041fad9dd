import type { BulkheadError } from '@bulkhead/proto';

// The same symbol as in @bulkhead/proto. Not imported from there: a plugin's copy of the SDK loads no other package.
const BRAND = Symbol.for('bulkhead.error');

/** Whether a thrown value is an error of the host's, with a `code`, and `retryAfterMs` or `violation` where they apply. */
export function isBulkheadError(value: unknown): value is BulkheadError {
  return typeof value === 'object' && value !== null && BRAND in value;
}
