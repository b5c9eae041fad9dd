import { weight } from './encode-frame.js';
import { MAX_WHOLE_BODY_BYTES, type LinkCall, type LinkPart, type LinkReply } from './frame.js';

/** What may go into a frame. */
export interface FrameParts {
  readonly calls: LinkCall[];
  readonly replies: LinkReply[];
  readonly parts: LinkPart[];
}

type Sending =
  | { readonly kind: 'call'; readonly item: LinkCall; sent: number }
  | { readonly kind: 'reply'; readonly item: LinkReply; sent: number };

/** Calls and answers whose bodies are too large to cross whole. They take turns, a part each. */
export class PartQueue {
  readonly #sending: Sending[] = [];
  #bytes = 0;
  #replyBytes = 0;

  /** Bytes that wait, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those of them that are answers. */
  get replyBytes(): number {
    return this.#replyBytes;
  }

  get empty(): boolean {
    return this.#sending.length === 0;
  }

  addCall(item: LinkCall): void {
    this.#add({ kind: 'call', item, sent: 0 });
  }

  addReply(item: LinkReply): void {
    this.#add({ kind: 'reply', item, sent: 0 });
  }

  /** Puts the next part of whoever's turn it is into a frame. */
  putNext(frame: FrameParts): void {
    const sending = this.#sending.shift();
    if (sending === undefined) return;
    const { item, sent } = sending;
    const body = item.body.subarray(sent, sent + MAX_WHOLE_BODY_BYTES);
    const rest = item.body.length - sent - body.length;
    if (sent > 0) frame.parts.push({ id: item.id, ofReply: sending.kind === 'reply', body });
    else if (sending.kind === 'call') frame.calls.push({ ...sending.item, body, rest });
    else frame.replies.push({ ...sending.item, body, rest });
    sending.sent += body.length;
    if (rest > 0) this.#sending.push(sending);
    // What it weighs besides its body goes with its end.
    this.#count(sending, rest > 0 ? -body.length : sent - weight(item));
  }

  /**
   * Takes back what was not sent yet of a call or an answer.
   *
   * @returns whether nothing of it was sent; undefined when nothing of it waits here
   */
  withdraw(kind: Sending['kind'], id: number): boolean | undefined {
    const at = this.#sending.findIndex((sending) => sending.kind === kind && sending.item.id === id);
    const [sending] = at < 0 ? [] : this.#sending.splice(at, 1);
    if (sending === undefined) return undefined;
    this.#count(sending, sending.sent - weight(sending.item));
    return sending.sent === 0;
  }

  clear(): void {
    this.#sending.length = 0;
    this.#bytes = 0;
    this.#replyBytes = 0;
  }

  #add(sending: Sending): void {
    this.#sending.push(sending);
    this.#count(sending, weight(sending.item));
  }

  #count({ kind }: Sending, bytes: number): void {
    this.#bytes += bytes;
    if (kind === 'reply') this.#replyBytes += bytes;
  }
}
