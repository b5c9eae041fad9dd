const WIRE_TYPE_BITS = 0x7;
const MORE = 0x80;
const LOW_BITS = 0x7f;
const BITS_PER_BYTE = 7;
const MAX_VARINT_BYTES = 10;
/** Of a number of 32 bits; what follows them is passed over, as whoever decodes the message does. */
const NUMBER_BYTES = 5;
/** An empty item with its tag. */
const MIN_ITEM_BYTES = 2;

/**
 * How many items a message holds whose only field is a list of texts or messages, without decoding them: what a call counts
 * as is asked before the call is let through. It must read the bytes as the decoder does: what that takes and this does not
 * see would be free. What no encoder of ours writes counts as much as could follow. Nobody counts
 * past `max`: that many is more than is looked at.
 */
export function countItems(body: Uint8Array, max: number): number {
  let count = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES && at < body.length; index += 1) {
      const byte = body[at++] ?? 0;
      if (index < NUMBER_BYTES) value = (value | ((byte & LOW_BITS) << (BITS_PER_BYTE * index))) >>> 0;
      if ((byte & MORE) === 0) return value;
    }
    at = body.length;
    return value;
  };
  while (at < body.length && count < max) {
    switch (varint() & WIRE_TYPE_BITS) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        at += length;
        count += 1;
        break;
      }
      case 5:
        at += 4;
        break;
      default: {
        const could = count + Math.floor(Math.max(0, body.length - at) / MIN_ITEM_BYTES);
        return Math.max(1, Math.min(could, max));
      }
    }
  }
  return Math.max(1, count);
}
