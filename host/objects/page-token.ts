import { createHash } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** An id is up to 128 characters. */
const MAX_TOKEN_CHARS = 1_000;

type Filter = Readonly<Record<string, string>>;

/** A place in a list: after which id, of the list with which filter. */
export function writePageToken(afterId: string, filter: Filter): string {
  return Buffer.from(JSON.stringify([afterId, fingerprint(filter)])).toString('base64url');
}

/** @throws BulkheadError INVALID_ARGUMENT for what is no token of this list */
export function readPageToken(token: string, filter: Filter): string {
  let value: unknown;
  if (token.length > MAX_TOKEN_CHARS) throw noToken();
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    // Told below.
  }
  if (Array.isArray(value) && typeof value[0] === 'string' && value[1] === fingerprint(filter))
    return value[0];
  throw noToken();
}

function noToken(): BulkheadError {
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    'expected a page token that this list gave, asked for with the same filter',
    { field: 'page_token' },
  );
}

function fingerprint(filter: Filter): string {
  const entries = Object.entries(filter).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('base64url').slice(0, 8);
}
