import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** The longest position is a key of 255 bytes. */
const MAX_TOKEN_CHARS = 1_000;

/** A page's end as callers see it: opaque. */
export function toPageToken(position: string): string {
  return Buffer.from(position).toString('base64url');
}

/** Where the page before ended; empty on the first page. @throws INVALID_ARGUMENT */
export function fromPageToken(token: string): string {
  if (token.length <= MAX_TOKEN_CHARS) {
    const position = Buffer.from(token, 'base64url').toString();
    if (toPageToken(position) === token) return position;
  }
  throw notPageToken();
}

export function notPageToken(): BulkheadError {
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    'expected the page token of the answer before, or none for the first page',
    { field: 'page_token' },
  );
}
