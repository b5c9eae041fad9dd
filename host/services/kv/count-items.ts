const LENGTH_DELIMITED = 2;
const WIRE_TYPE_BITS = 0x7;
const MORE = 0x80;
const LOW_BITS = 0x7f;

/**
 * How many items a message holds whose only field is a list of texts or messages, without decoding them: what a call counts
 * as is asked before the call is let through. Bytes that are no such message count as far as they can be read.
 */
export function countItems(body: Uint8Array): number {
  let count = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < body.length; scale *= 128) {
      const byte = body[at++] ?? 0;
      value += (byte & LOW_BITS) * scale;
      if ((byte & MORE) === 0) return value;
    }
    return value;
  };
  while (at < body.length) {
    if ((varint() & WIRE_TYPE_BITS) !== LENGTH_DELIMITED) break;
    const length = varint();
    at += length;
    count += 1;
  }
  return Math.max(1, count);
}
