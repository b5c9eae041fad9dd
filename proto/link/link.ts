import { BulkheadError, ErrorCode, isBulkheadError } from '../errors.js';
import type { CallOptions } from './call-options.js';
import { systemLinkClock, type LinkClock } from './deadlines.js';
import { MAX_CALLS_UNDER_WAY, type Frame, type LinkPart } from './frame.js';
import { IncomingCalls, type ServedMethod } from './incoming-calls.js';
import { Outbox, type FrameStream } from './outbox.js';
import { OutgoingCalls } from './outgoing-calls.js';
import { PartialCalls } from './partial-calls.js';

const MIB = 1024 * 1024;

export interface LinkOptions {
  /** What this side serves; the other side names a method by its position here. */
  readonly serve: readonly ServedMethod[];
  /** Full method paths that the other side serves, in its order. */
  readonly remoteMethods: readonly string[];
  /** For calls that say none, in milliseconds. Default: 5,000. */
  readonly defaultTimeoutMs?: number;
  /** Bytes that may wait to be written before calls are refused. Default: 16 MiB. */
  readonly maxQueuedBytes?: number;
  /** Calls of the other side in work at once before more are refused. Default: 4,096, which is what a link makes at most. */
  readonly maxIncoming?: number;
  /** Calls of this side that the other side has at once; more wait here, as part of what is queued. Default: 4,096. */
  readonly maxOutgoing?: number;
  /** Bytes of answers that may wait to be written before nothing more is read of the other side. Default: 16 MiB. */
  readonly maxUnsentReplyBytes?: number;
  /** Bytes of a call or an answer that comes in parts before it is refused. Default: 64 MiB. */
  readonly maxBodyBytes?: number;
  /** Bytes of all calls that are there in part before another is refused. Default: 64 MiB. */
  readonly maxPartialBytes?: number;
  readonly clock?: LinkClock;
  /** Hears of each call of a method that is not served, besides the refusal. Must be quick. */
  readonly onUnknownMethod?: (method: number) => void;
  /**
   * Hears of all that came and served nothing: calls that the link itself refuses, answers and cancels of calls that
   * never were, frames with nothing in them. An honest other side causes a few by what crosses on the way. Must be quick.
   */
  readonly onWaste?: () => void;
}

/** Many small unary calls in both directions on one stream. Either side may be either end. */
export class Link {
  /** Resolves with the reason once the link is gone; never rejects. */
  readonly closed: Promise<BulkheadError>;
  readonly #outbox: Outbox;
  readonly #stream: FrameStream;
  readonly #outgoing: OutgoingCalls;
  readonly #incoming: IncomingCalls;
  readonly #maxUnsentReplyBytes: number;
  readonly #onWaste: (() => void) | undefined;
  #paused = false;
  #gone: BulkheadError | undefined;
  #resolveClosed: (reason: BulkheadError) => void = () => {};

  constructor(stream: FrameStream, options: LinkOptions) {
    const { clock = systemLinkClock, defaultTimeoutMs = 5_000, maxBodyBytes = 64 * MIB } = options;
    const { maxQueuedBytes = 16 * MIB, maxPartialBytes = 64 * MIB } = options;
    const { maxIncoming = MAX_CALLS_UNDER_WAY, maxOutgoing = MAX_CALLS_UNDER_WAY } = options;
    this.#stream = stream;
    this.#maxUnsentReplyBytes = options.maxUnsentReplyBytes ?? 16 * MIB;
    this.#outbox = new Outbox(stream, () => {
      this.#read();
    });
    this.#onWaste = options.onWaste;
    const limits = { defaultTimeoutMs, maxQueuedBytes, maxBodyBytes, maxPartialBytes, maxOutgoing };
    this.#outgoing = new OutgoingCalls(this.#outbox, options.remoteMethods, limits, clock, options.onWaste);
    const partial = new PartialCalls(limits, clock);
    this.#incoming = new IncomingCalls(
      this.#outbox,
      options.serve,
      maxIncoming,
      partial,
      (error) => {
        this.close(error);
      },
      options.onUnknownMethod,
      options.onWaste,
    );
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    // Handlers that answer at once answer in one frame, which leaves with the turn in which the calls came.
    stream.on('data', (frame) => {
      this.#outbox.together(() => {
        this.#receive(frame);
      });
    });
    stream.on('error', (error) => {
      this.#fail(isBulkheadError(error) ? error : unavailable(`the link broke: ${error.message}`, error));
    });
    stream.on('end', () => {
      this.#fail(unavailable('the other side ended the link'));
    });
    stream.on('close', () => {
      this.#fail(unavailable('the link was closed'));
    });
  }

  /** Calls made and not answered yet. */
  get inFlight(): number {
    return this.#outgoing.size;
  }

  /** Calls of the other side being handled. */
  get serving(): number {
    return this.#incoming.size;
  }

  /** Whether the other side serves this method on the link. */
  has(path: string): boolean {
    return this.#outgoing.has(path);
  }

  /**
   * Makes one call. Settles by its deadline at the latest.
   *
   * @throws BulkheadError DEADLINE_EXCEEDED, CANCELLED, PLUGIN_UNAVAILABLE (link gone), PLUGIN_OVERLOADED (queue full),
   *   UNKNOWN_METHOD, MESSAGE_TOO_LARGE (the answer), or what the other side answered
   */
  call(path: string, body: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return this.#gone === undefined ? this.#outgoing.call(path, body, options) : Promise.reject(this.#gone);
  }

  /** The transport of ts-proto's service clients. */
  request(service: string, method: string, body: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return this.call(`/${service}/${method}`, body, options);
  }

  /** Ends the link; calls in flight fail with PLUGIN_UNAVAILABLE. A second call changes nothing. */
  close(reason: BulkheadError = unavailable('the link was closed')): void {
    if (this.#gone !== undefined) return;
    this.#fail(reason);
    this.#stream.end();
  }

  #receive(frame: Frame): void {
    for (const reply of frame.replies) this.#outgoing.settle(reply);
    for (const id of frame.cancels) this.#incoming.cancel(id);
    if (frame.parts.length > 0) this.#receiveParts(frame.parts);
    this.#incoming.receive(frame.calls, frame.parts);
    if (isEmpty(frame)) this.#onWaste?.();
  }

  #receiveParts(parts: readonly LinkPart[]): void {
    try {
      for (const part of parts) if (part.ofReply) this.#outgoing.addPart(part);
    } catch (error) {
      this.close(BulkheadError.from(error));
    }
  }

  /** Reads on, unless the other side has more answers to take, or more calls under way, than it is due. */
  #read(): void {
    const pause = this.#incoming.backlog || this.#outbox.replyBytes > this.#maxUnsentReplyBytes;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#stream.pause();
    else this.#stream.resume();
  }

  #fail(reason: BulkheadError): void {
    if (this.#gone !== undefined) return;
    this.#gone = reason;
    this.#outbox.close();
    this.#outgoing.fail(reason);
    this.#incoming.close();
    this.#resolveClosed(reason);
  }
}

function isEmpty({ calls, replies, cancels, parts }: Frame): boolean {
  return calls.length === 0 && replies.length === 0 && cancels.length === 0 && parts.length === 0;
}

function unavailable(message: string, cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, message, { retryable: true, cause });
}
