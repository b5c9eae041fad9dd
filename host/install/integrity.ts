import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** `sha512-` and the hash in base64, as npm's lockfiles write it. */
export const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

export function sha512(content: string | Uint8Array): string {
  return `sha512-${createHash('sha512').update(content).digest('base64')}`;
}

export async function sha512OfFile(file: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  return `sha512-${hash.digest('base64')}`;
}

/**
 * The one sha512 in an integrity text; weaker hashes beside it count for nothing.
 *
 * @throws INTEGRITY_MISSING
 */
export function requireSha512(integrity: string | undefined, what: string): string {
  const found = (integrity ?? '').split(/\s+/).filter((part) => SHA512.test(part));
  const [only, ...more] = found;
  if (only !== undefined && more.length === 0) return only;
  const got = integrity === undefined || integrity === '' ? 'none' : `'${integrity}'`;
  throw new BulkheadError(
    ErrorCode.INTEGRITY_MISSING,
    `${what}: expected one sha512 integrity, got ${got}. A package without one cannot be pinned; publish it anew with a current npm.`,
  );
}
