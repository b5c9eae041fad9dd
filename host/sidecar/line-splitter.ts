const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Called with one line without its end. The bytes are only valid during the call. */
export type LineSink = (line: Buffer, totalBytes: number) => void;

/**
 * Cuts a byte stream into lines in bounded memory: of a longer line the first `maxLineBytes` are kept, the rest is
 * counted and thrown away.
 */
export class LineSplitter {
  readonly #sink: LineSink;
  readonly #maxLineBytes: number;
  /** The start of a line whose end has not come; made when first needed, used again. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  #totalBytes = 0;

  constructor(maxLineBytes: number, sink: LineSink) {
    this.#maxLineBytes = maxLineBytes;
    this.#sink = sink;
  }

  write(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) {
        this.#hold(chunk.subarray(start));
        return;
      }
      const part = chunk.subarray(start, end);
      if (this.#totalBytes === 0) this.#emit(part.subarray(0, this.#maxLineBytes), part.length);
      else {
        this.#hold(part);
        this.#flush();
      }
      start = end + 1;
    }
  }

  /** The stream ended: a last line without an end counts as one. */
  end(): void {
    if (this.#totalBytes > 0) this.#flush();
  }

  #hold(part: Buffer): void {
    this.#held ??= Buffer.allocUnsafe(this.#maxLineBytes);
    this.#heldBytes += part.copy(this.#held, this.#heldBytes, 0, this.#maxLineBytes - this.#heldBytes);
    this.#totalBytes += part.length;
  }

  #flush(): void {
    const line = this.#held?.subarray(0, this.#heldBytes) ?? Buffer.alloc(0);
    const totalBytes = this.#totalBytes;
    this.#heldBytes = 0;
    this.#totalBytes = 0;
    this.#emit(line, totalBytes);
  }

  #emit(line: Buffer, totalBytes: number): void {
    const carriageReturn = line.length === totalBytes && line.at(-1) === CARRIAGE_RETURN;
    if (carriageReturn) this.#sink(line.subarray(0, -1), totalBytes - 1);
    else this.#sink(line, totalBytes);
  }
}
