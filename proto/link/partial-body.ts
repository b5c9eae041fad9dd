import { BulkheadError, ErrorCode } from '../errors.js';

/** A body that is there in part. Its room is taken at once, so that many small parts cost no more than few large ones. */
export class PartialBody {
  readonly #bytes: Buffer;
  #length = 0;

  constructor(start: Uint8Array, rest: number) {
    this.#bytes = Buffer.allocUnsafeSlow(start.length + rest);
    this.add(start);
  }

  /**
   * @returns the body, when this part completes it
   * @throws BulkheadError PROTOCOL_ERROR when it is more than was announced
   */
  add(part: Uint8Array): Uint8Array | undefined {
    const missing = this.#bytes.length - this.#length;
    if (part.length > missing) {
      throw new BulkheadError(
        ErrorCode.PROTOCOL_ERROR,
        `the other side announced ${missing} more bytes of a body and sent ${part.length}`,
      );
    }
    this.#bytes.set(part, this.#length);
    this.#length += part.length;
    return part.length === missing ? this.#bytes : undefined;
  }
}

/** Refuses a body for its announced size, before anything of it is kept. */
export function bodyTooLarge(bytes: number, maxBytes: number): BulkheadError {
  return new BulkheadError(
    ErrorCode.MESSAGE_TOO_LARGE,
    `the message has ${bytes} bytes, the limit of this side is ${maxBytes}`,
  );
}
