import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { InvokeRequest } from '@bulkhead/proto/plugin';

// The generated decoder makes every member of the message, most of which most handlers never ask for. This one
// finds the two that every call needs, the hook's name and where its payload lies, and leaves the rest until it is asked for.

const TAG_HOOK = (1 << 3) | 2;
const TAG_PAYLOAD = (2 << 3) | 2;
const LENGTH_DELIMITED = 2;

/** An InvokeRequest that is decoded as far as somebody looks. */
export class CallRequest {
  /** The hook's name. */
  readonly hook: string;
  readonly body: Buffer;
  /** Where the payload's bytes lie in `body`. */
  readonly payloadStart: number;
  readonly payloadEnd: number;
  #message: InvokeRequest | undefined;

  /** @throws BulkheadError PROTOCOL_ERROR when the bytes are no InvokeRequest */
  constructor(bytes: Uint8Array) {
    const body = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let hook = '';
    let payloadStart = 0;
    let payloadEnd = 0;
    let at = 0;
    while (at < body.length) {
      const tag = body[at++] ?? 0;
      // Every field of the message has a number below 16 and a length; a newer host's other fields go the slow way.
      if (tag >= 0x80 || (tag & 7) !== LENGTH_DELIMITED) {
        const message = decode(body);
        hook = message.hook;
        // A view into `body`: the generated decoder copies nothing.
        payloadStart = message.payload.length === 0 ? 0 : message.payload.byteOffset - body.byteOffset;
        payloadEnd = payloadStart + message.payload.byteLength;
        this.#message = message;
        break;
      }
      let length = 0;
      let shift = 0;
      let byte: number;
      do {
        byte = body[at++] ?? 0;
        length |= (byte & 0x7f) << shift;
        shift += 7;
      } while (byte >= 0x80 && shift < 28);
      const end = at + length;
      if (byte >= 0x80 || end > body.length) throw malformed();
      if (tag === TAG_HOOK) hook = body.toString('latin1', at, end);
      else if (tag === TAG_PAYLOAD) {
        payloadStart = at;
        payloadEnd = end;
      }
      at = end;
    }
    this.hook = hook;
    this.body = body;
    this.payloadStart = payloadStart;
    this.payloadEnd = payloadEnd;
  }

  /** The whole message. */
  get message(): InvokeRequest {
    return (this.#message ??= decode(this.body));
  }
}

function decode(body: Buffer): InvokeRequest {
  try {
    return InvokeRequest.decode(body);
  } catch (error) {
    throw malformed(error);
  }
}

function malformed(cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.PROTOCOL_ERROR, 'the bytes are no InvokeRequest', { cause });
}
