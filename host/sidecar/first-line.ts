import { MAX_HANDSHAKE_LINE_BYTES } from '@bulkhead/proto/handshake';

/** How a plugin's stdout began. */
export type FirstLineResult =
  | { readonly kind: 'line'; readonly line: string }
  /** More than 4 KiB without a newline. */
  | { readonly kind: 'too_long'; readonly start: Buffer }
  /** stdout was closed first. */
  | { readonly kind: 'ended'; readonly start: Buffer };

const NEWLINE = 10;

/** Takes the first line out of stdout; all that follows, and all that is no line, goes on to `rest`. */
export class FirstLine {
  /** Never rejects; pending while there is neither a newline nor an end. */
  readonly result: Promise<FirstLineResult>;
  readonly #rest: (chunk: Buffer) => void;
  #held: Buffer | undefined = Buffer.alloc(0);
  #settle: (result: FirstLineResult) => void = () => {};

  constructor(rest: (chunk: Buffer) => void) {
    this.#rest = rest;
    this.result = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  write(chunk: Buffer): void {
    if (this.#held === undefined) {
      this.#rest(chunk);
      return;
    }
    const held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = held.indexOf(NEWLINE);
    if (end > MAX_HANDSHAKE_LINE_BYTES || (end < 0 && held.length > MAX_HANDSHAKE_LINE_BYTES)) {
      this.#give({ kind: 'too_long', start: held.subarray(0, MAX_HANDSHAKE_LINE_BYTES) }, held);
    } else if (end >= 0) {
      this.#give({ kind: 'line', line: held.toString('utf8', 0, end) }, held.subarray(end + 1));
    } else this.#held = held;
  }

  end(): void {
    if (this.#held !== undefined) this.#give({ kind: 'ended', start: this.#held }, this.#held);
  }

  #give(result: FirstLineResult, rest: Buffer): void {
    this.#held = undefined;
    this.#settle(result);
    if (rest.length > 0) this.#rest(rest);
  }
}
