import { BinaryReader } from '@bufbuild/protobuf/wire';
import { BulkheadError, ErrorCode } from './errors.js';

/** What of a generated message is needed to take one in. */
export interface Decodes<Message> {
  decode(input: BinaryReader | Uint8Array): Message;
}

/**
 * Tags, lengths and numbers of one message, those within it included. Two bytes can be a whole nested message, so a
 * message within the link's limit could make millions of objects; the largest that any of ours makes has some ten thousand.
 */
export const MAX_FIELD_READS = 100_000;

export function tooManyFields(): BulkheadError {
  return new BulkheadError(
    ErrorCode.MESSAGE_TOO_LARGE,
    `expected a message of at most ${String(MAX_FIELD_READS)} tags, lengths and numbers, got one of more; send several`,
  );
}

/** Every tag and every length is read by `uint32`, so whoever counts these bounds what decoding can make. */
export class BoundedReader extends BinaryReader {
  #left = MAX_FIELD_READS;

  constructor(bytes: Uint8Array) {
    super(bytes);
    const read = this.uint32.bind(this);
    this.uint32 = () => {
      this.#left -= 1;
      if (this.#left < 0) throw tooManyFields();
      return read();
    };
  }
}

/**
 * `type.decode(bytes)` for bytes of whoever is not trusted: what it costs is bounded by more than their number.
 *
 * @throws BulkheadError MESSAGE_TOO_LARGE for more than {@link MAX_FIELD_READS}
 * @throws Error when the bytes are no such message
 */
export function decodeMessage<Message>(type: Decodes<Message>, bytes: Uint8Array): Message {
  // Each read takes a byte at least.
  return type.decode(bytes.length <= MAX_FIELD_READS ? bytes : new BoundedReader(bytes));
}
