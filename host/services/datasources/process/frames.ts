/** Bytes in front of each frame that say how long it is. */
const HEAD_BYTES = 4;

/** A frame: its length in four bytes, then its bytes. */
export function toFrame(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

/** Takes frames out of a stream of bytes, and never keeps more than one frame and what came behind it. */
export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** With its head; what is needed before the next frame can be taken. */
  #wanted = HEAD_BYTES;

  /** @param maxBytes longest frame */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the frames that are whole now
   * @throws RangeError for a frame that is too long, as soon as its length is known
   */
  push(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Buffer[] = [];
    while (this.#bytes >= this.#wanted) {
      const all =
        this.#chunks.length === 1 && this.#chunks[0] !== undefined ? this.#chunks[0] : this.#joined();
      const length = all.readUInt32BE(0);
      if (length > this.#maxBytes)
        throw new RangeError(`a frame of ${String(length)} bytes is longer than ${String(this.#maxBytes)}`);
      this.#wanted = HEAD_BYTES + length;
      if (all.length < this.#wanted) {
        this.#chunks = [all];
        break;
      }
      frames.push(all.subarray(HEAD_BYTES, this.#wanted));
      const rest = all.subarray(this.#wanted);
      this.#chunks = [rest];
      this.#bytes = rest.length;
      this.#wanted = HEAD_BYTES;
    }
    return frames;
  }

  #joined(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
