import { randomBytes } from 'node:crypto';

/** Ids of one millisecond count on in 12 bits; the first starts in the lower half, so that there is room. */
const COUNTS = 0x1000;

/** Makes UUIDs of version 7: each is unique, and sorts after the ones that this function made before. */
export function createObjectIds(): (nowMs: number) => string {
  let lastMs = 0;
  let count = 0;
  return (nowMs) => {
    const bytes = randomBytes(16);
    if (nowMs > lastMs) {
      lastMs = nowMs;
      count = bytes.readUInt16BE(6) % (COUNTS / 2);
    } else if (++count === COUNTS) {
      // More than a millisecond holds, or a clock that was set back: it borrows from the next.
      lastMs += 1;
      count = 0;
    }
    bytes.writeUIntBE(lastMs, 0, 6);
    bytes.writeUInt16BE(0x7000 | count, 6);
    bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
    const hex = bytes.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  };
}

/** @param nowMs milliseconds since the Unix epoch */
export const createObjectId = createObjectIds();

/** Different for each write. */
export function createEtag(): string {
  return randomBytes(9).toString('base64url');
}
