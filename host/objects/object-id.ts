import { randomBytes } from 'node:crypto';

/** A UUID of version 7: unique, and those of a later millisecond sort after. @param nowMs milliseconds since the Unix epoch */
export function createObjectId(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Different for each write. */
export function createEtag(): string {
  return randomBytes(9).toString('base64url');
}
