import { weight } from './encode-frame.js';
import { MAX_WHOLE_BODY_BYTES, type Frame, type LinkCall, type LinkPart, type LinkReply } from './frame.js';
import { PartQueue } from './part-queue.js';

/** A frame is closed at about this size, so that a lone call never waits behind megabytes. */
const MAX_FRAME_BYTES = 128 * 1024;
/** Each costs the reader more than its few bytes say. */
const MAX_FRAME_CANCELS = 4_096;
/** Parts of large bodies that are on their way into the connection at once; a small call waits behind no more. */
const MAX_PARTS_UNDER_WAY = 2;

/** What a link needs of a stream of frames; both ends of a grpc-js duplex have it. */
export interface FrameStream {
  /**
   * False: wait for `drain` before writing more.
   *
   * @param onWritten called in a later turn, when the connection has taken the frame
   */
  write(frame: Frame, onWritten?: () => void): boolean;
  end(): unknown;
  /** No more `data` until `resume`; what the other side writes meanwhile is its own to keep. */
  pause(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (frame: Frame) => void): unknown;
  on(event: 'drain' | 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

interface FrameInMaking extends Frame {
  readonly calls: LinkCall[];
  readonly replies: LinkReply[];
  readonly parts: LinkPart[];
}

/**
 * Collects what this side has to say and writes it as frames: what is ready in the same turn shares a frame,
 * a lone call leaves at once, and a stream that is full is left alone until it drains. A large body goes in parts,
 * at most one in a frame and the next when the connection has taken those before it, so that all else passes it.
 */
export class Outbox {
  readonly #stream: FrameStream;
  readonly #onWritten: () => void;
  #calls: LinkCall[] = [];
  #replies: LinkReply[] = [];
  #cancels: number[] = [];
  readonly #large = new PartQueue();
  #partsUnderWay = 0;
  #bytes = 0;
  #replyBytes = 0;
  #scheduled = false;
  #held = false;
  #full = false;
  #closed = false;

  /** @param onWritten called when what waited was written, or some of it */
  constructor(stream: FrameStream, onWritten: () => void) {
    this.#stream = stream;
    this.#onWritten = onWritten;
    stream.on('drain', () => {
      this.#full = false;
      this.#flush();
    });
  }

  /** Bytes that wait before a body of this size, about: small ones pass large ones. */
  queuedBytes(bodyBytes: number): number {
    return bodyBytes > MAX_WHOLE_BODY_BYTES ? this.#bytes + this.#large.bytes : this.#bytes;
  }

  /** Bytes of answers that wait, about. */
  get replyBytes(): number {
    return this.#replyBytes + this.#large.replyBytes;
  }

  call(call: LinkCall, alone: boolean): void {
    if (this.#closed) return;
    if (call.body.length > MAX_WHOLE_BODY_BYTES) this.#large.addCall(call);
    else {
      this.#calls.push(call);
      this.#bytes += weight(call);
    }
    this.#schedule(alone);
  }

  reply(reply: LinkReply, alone: boolean): void {
    if (this.#closed) return;
    if (reply.body.length > MAX_WHOLE_BODY_BYTES) this.#large.addReply(reply);
    else {
      this.#replies.push(reply);
      const bytes = weight(reply);
      this.#bytes += bytes;
      this.#replyBytes += bytes;
    }
    this.#schedule(alone);
  }

  /** While `work` runs, nothing is written; what it has to say leaves together when it ends. */
  together(work: () => void): void {
    this.#held = true;
    try {
      work();
    } finally {
      this.#held = false;
      this.#flush();
    }
  }

  cancel(id: number): void {
    if (this.#closed) return;
    this.#cancels.push(id);
    this.#schedule(true);
  }

  /** Takes back a call that was not written yet; true when it was still here. */
  withdraw(id: number): boolean {
    const at = this.#calls.findIndex((call) => call.id === id);
    if (at < 0) return this.#large.withdraw('call', id) ?? false;
    const [call] = this.#calls.splice(at, 1);
    if (call !== undefined) this.#bytes -= weight(call);
    return true;
  }

  /** Nobody waits for this answer any more; of a large one the rest is not sent. */
  withdrawReply(id: number): void {
    if (!this.#large.empty) this.#large.withdraw('reply', id);
  }

  close(): void {
    this.#closed = true;
    this.#large.clear();
    this.#calls = [];
    this.#replies = [];
    this.#cancels = [];
    this.#bytes = 0;
    this.#replyBytes = 0;
  }

  #schedule(alone: boolean): void {
    if (this.#scheduled || this.#held) return;
    this.#scheduled = true;
    if (alone) process.nextTick(this.#onTurn);
    else setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    while (!this.#closed && !this.#full && this.#waits()) this.#full = !this.#write();
    this.#onWritten();
  }

  #waits(): boolean {
    return (
      this.#calls.length > 0 || this.#replies.length > 0 || this.#cancels.length > 0 || this.#partIsDue()
    );
  }

  #partIsDue(): boolean {
    return !this.#large.empty && this.#partsUnderWay < MAX_PARTS_UNDER_WAY;
  }

  #write(): boolean {
    const frame = this.#take();
    if (!this.#partIsDue()) return this.#stream.write(frame);
    this.#large.putNext(frame);
    this.#partsUnderWay += 1;
    return this.#stream.write(frame, this.#onPartWritten);
  }

  readonly #onPartWritten = (): void => {
    this.#partsUnderWay -= 1;
    this.#flush();
  };

  #take(): FrameInMaking {
    if (this.#bytes <= MAX_FRAME_BYTES && this.#cancels.length <= MAX_FRAME_CANCELS) {
      const frame = { calls: this.#calls, replies: this.#replies, cancels: this.#cancels, parts: [] };
      this.#calls = [];
      this.#replies = [];
      this.#cancels = [];
      this.#bytes = 0;
      this.#replyBytes = 0;
      return frame;
    }
    // Answers first: somebody waits for each of them, and they free what the other side holds.
    const replies = takeUpTo(this.#replies, MAX_FRAME_BYTES);
    const left = MAX_FRAME_BYTES - replies.bytes;
    const calls = left > 0 ? takeUpTo(this.#calls, left) : { items: [], bytes: 0 };
    this.#bytes -= replies.bytes + calls.bytes;
    this.#replyBytes -= replies.bytes;
    return {
      calls: calls.items,
      replies: replies.items,
      cancels: this.#cancels.splice(0, MAX_FRAME_CANCELS),
      parts: [],
    };
  }
}

/** Removes items from the front until they weigh `maxBytes` or more; one at least. */
function takeUpTo<T extends LinkCall | LinkReply>(
  queue: T[],
  maxBytes: number,
): { items: T[]; bytes: number } {
  let bytes = 0;
  let count = 0;
  while (count < queue.length && bytes < maxBytes) {
    const item = queue[count++];
    if (item !== undefined) bytes += weight(item);
  }
  return { items: queue.splice(0, count), bytes };
}
