import { status as GrpcStatus } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode, isBulkheadError } from '../errors.js';
import type { CallOptions } from './call-options.js';
import { Deadlines, systemLinkClock, type LinkClock } from './deadlines.js';
import type { Frame, LinkCall, LinkReply } from './frame.js';
import { Outbox, type FrameStream } from './outbox.js';
import { errorToStatus, statusToError } from './status.js';

const EMPTY = new Uint8Array(0);
const MAX_ID = 0xffff_ffff;
/** Calls of one frame that are handled in one turn of the event loop; the rest waits, and so does the stream. */
const MAX_CALLS_PER_TURN = 256;

/** What a handler may know of the call that it answers. */
export interface IncomingCall {
  /** Time that the caller gives, in milliseconds; 0 when it said none. */
  readonly timeoutMs: number;
  /** W3C traceparent, or empty. */
  readonly traceparent: string;
  /** Fires when the caller no longer needs the answer or the link is gone. Made when first asked for. */
  readonly signal: AbortSignal;
}

/** Answers one unary call: bytes in, bytes out. A thrown error becomes the call's status. */
export type UnaryHandler = (body: Uint8Array, call: IncomingCall) => Uint8Array | Promise<Uint8Array>;

export interface ServedMethod {
  /** Full method path, for example `/bulkhead.host.v1.LogService/Write`. */
  readonly path: string;
  readonly handler: UnaryHandler;
}

export interface LinkOptions {
  /** What this side serves; the other side names a method by its position here. */
  readonly serve: readonly ServedMethod[];
  /** Full method paths that the other side serves, in its order. */
  readonly remoteMethods: readonly string[];
  /** For calls that say none, in milliseconds. Default: 5,000. */
  readonly defaultTimeoutMs?: number;
  /** Bytes that may wait to be written before calls are refused. Default: 16 MiB. */
  readonly maxQueuedBytes?: number;
  /** Calls of the other side in work at once before more are refused. Default: 4,096. */
  readonly maxIncoming?: number;
  /** Bytes of answers that may wait to be written before nothing more is read of the other side. Default: 16 MiB. */
  readonly maxUnsentReplyBytes?: number;
  readonly clock?: LinkClock;
}

interface Pending {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: BulkheadError) => void;
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly unsubscribe: (() => void) | undefined;
}

class Incoming implements IncomingCall {
  readonly timeoutMs: number;
  readonly traceparent: string;
  #controller: AbortController | undefined;
  #aborted = false;

  constructor(call: LinkCall) {
    this.timeoutMs = call.timeoutMs;
    this.traceparent = call.traceparent;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}

/** Many small unary calls in both directions on one stream. Either side may be either end. */
export class Link {
  /** Resolves with the reason once the link is gone; never rejects. */
  readonly closed: Promise<BulkheadError>;
  readonly #outbox: Outbox;
  readonly #stream: FrameStream;
  readonly #serve: readonly ServedMethod[];
  readonly #methods: ReadonlyMap<string, number>;
  readonly #pending = new Map<number, Pending>();
  readonly #incoming = new Map<number, Incoming>();
  readonly #deadlines: Deadlines;
  readonly #clock: LinkClock;
  readonly #defaultTimeoutMs: number;
  readonly #maxQueuedBytes: number;
  readonly #maxIncoming: number;
  readonly #maxUnsentReplyBytes: number;
  #paused = false;
  // Calls of a frame wait for their turn.
  #backlog = false;
  #nextId = 0;
  #gone: BulkheadError | undefined;
  #resolveClosed: (reason: BulkheadError) => void = () => {};

  constructor(stream: FrameStream, options: LinkOptions) {
    this.#stream = stream;
    this.#outbox = new Outbox(stream, () => {
      this.#read();
    });
    this.#serve = options.serve;
    this.#methods = new Map(options.remoteMethods.map((path, index) => [path, index]));
    this.#defaultTimeoutMs = options.defaultTimeoutMs ?? 5_000;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 16 * 1024 * 1024;
    this.#maxIncoming = options.maxIncoming ?? 4_096;
    this.#maxUnsentReplyBytes = options.maxUnsentReplyBytes ?? 16 * 1024 * 1024;
    this.#clock = options.clock ?? systemLinkClock;
    this.#deadlines = new Deadlines(this.#clock, (now) => this.#expire(now));
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
    return this.#pending.size;
  }

  /** Calls of the other side being handled. */
  get serving(): number {
    return this.#incoming.size;
  }

  /** Whether the other side serves this method on the link. */
  has(path: string): boolean {
    return this.#methods.has(path);
  }

  /**
   * Makes one call. Settles by its deadline at the latest.
   *
   * @throws BulkheadError DEADLINE_EXCEEDED, CANCELLED, PLUGIN_UNAVAILABLE (link gone), PLUGIN_OVERLOADED (queue full),
   *   UNKNOWN_METHOD, or what the other side answered
   */
  call(path: string, body: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    const method = this.#methods.get(path);
    const refused = this.#refusal(path, method, options?.signal);
    if (refused !== undefined || method === undefined) return Promise.reject(refused);
    const timeoutMs = Math.max(1, Math.ceil(options?.timeoutMs ?? this.#defaultTimeoutMs));
    const deadline = this.#clock.monotonic() + timeoutMs;
    const id = this.#freeId();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve,
        reject,
        deadline,
        timeoutMs,
        unsubscribe: options?.signal === undefined ? undefined : this.#onAbort(options.signal, id),
      });
      this.#deadlines.cover(deadline);
      const traceparent = options?.traceparent ?? '';
      this.#outbox.call({ id, method, timeoutMs, traceparent, body }, this.#pending.size <= 1);
    });
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

  #refusal(
    path: string,
    method: number | undefined,
    signal: AbortSignal | undefined,
  ): BulkheadError | undefined {
    if (this.#gone !== undefined) return this.#gone;
    if (method === undefined) {
      return new BulkheadError(ErrorCode.UNKNOWN_METHOD, `the other side does not serve ${path}`);
    }
    if (signal?.aborted === true) return cancelled();
    if (this.#outbox.queuedBytes > this.#maxQueuedBytes) {
      return new BulkheadError(
        ErrorCode.PLUGIN_OVERLOADED,
        `${this.#outbox.queuedBytes} bytes wait to be written, more than the link's ${this.#maxQueuedBytes}`,
        { retryable: true },
      );
    }
    return undefined;
  }

  #freeId(): number {
    do this.#nextId = this.#nextId >= MAX_ID ? 1 : this.#nextId + 1;
    while (this.#pending.has(this.#nextId));
    return this.#nextId;
  }

  #onAbort(signal: AbortSignal, id: number): () => void {
    const onAbort = (): void => {
      const pending = this.#take(id);
      if (pending === undefined) return;
      this.#abandon(id);
      pending.reject(cancelled());
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return () => {
      signal.removeEventListener('abort', onAbort);
    };
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.unsubscribe?.();
    return pending;
  }

  /** Tells the other side that an answer is not needed any more. */
  #abandon(id: number): void {
    if (!this.#outbox.withdraw(id)) this.#outbox.cancel(id);
  }

  #expire(now: number): number {
    let earliest = Infinity;
    for (const [id, pending] of this.#pending) {
      if (pending.deadline > now) {
        if (pending.deadline < earliest) earliest = pending.deadline;
        continue;
      }
      this.#take(id);
      this.#abandon(id);
      pending.reject(
        new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `no answer within ${pending.timeoutMs} ms`, {
          retryable: true,
        }),
      );
    }
    return earliest;
  }

  #receive(frame: Frame): void {
    for (const reply of frame.replies) this.#settle(reply);
    for (const id of frame.cancels) {
      this.#incoming.get(id)?.abort();
      this.#incoming.delete(id);
    }
    if (frame.calls.length <= MAX_CALLS_PER_TURN) for (const call of frame.calls) this.#answer(call);
    else this.#answerInTurns(frame.calls, 0);
  }

  /** A frame of very many calls: other connections of this process get their turns in between. */
  #answerInTurns(calls: readonly LinkCall[], from: number): void {
    const to = Math.min(calls.length, from + MAX_CALLS_PER_TURN);
    for (let at = from; at < to; at += 1) {
      const call = calls[at];
      if (call !== undefined) this.#answer(call);
    }
    this.#backlog = to < calls.length;
    if (!this.#backlog) return;
    setImmediate(() => {
      if (this.#gone !== undefined) return;
      this.#outbox.together(() => {
        this.#answerInTurns(calls, to);
      });
    });
  }

  /** Reads on, unless the other side has more answers to take, or more calls under way, than it is due. */
  #read(): void {
    const pause = this.#backlog || this.#outbox.replyBytes > this.#maxUnsentReplyBytes;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#stream.pause();
    else this.#stream.resume();
  }

  #settle(reply: LinkReply): void {
    const pending = this.#take(reply.id);
    // Unknown: the call expired or was cancelled while its answer was on the way.
    if (pending === undefined) return;
    if (reply.status === 0) pending.resolve(reply.body);
    else pending.reject(statusToError(reply.status, reply.message, reply.detail));
  }

  #answer(call: LinkCall): void {
    if (this.#gone !== undefined) return;
    const served = this.#serve[call.method];
    if (served === undefined) {
      this.#refuse(call.id, new BulkheadError(ErrorCode.UNKNOWN_METHOD, `no method number ${call.method}`));
      return;
    }
    if (this.#incoming.has(call.id)) {
      this.close(new BulkheadError(ErrorCode.PROTOCOL_ERROR, `the other side used call id ${call.id} twice`));
      return;
    }
    if (this.#incoming.size >= this.#maxIncoming) {
      this.#refuse(
        call.id,
        new BulkheadError(
          ErrorCode.PLUGIN_OVERLOADED,
          `${this.#maxIncoming} calls are being handled already`,
          {
            retryable: true,
          },
        ),
      );
      return;
    }
    const incoming = new Incoming(call);
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      result = served.handler(call.body, incoming);
    } catch (error) {
      this.#refuse(call.id, error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#reply(call.id, result);
      return;
    }
    this.#incoming.set(call.id, incoming);
    result.then(
      (body) => {
        if (this.#incoming.delete(call.id)) this.#reply(call.id, body);
      },
      (error: unknown) => {
        if (this.#incoming.delete(call.id)) this.#refuse(call.id, error);
      },
    );
  }

  #reply(id: number, body: Uint8Array): void {
    this.#outbox.reply(
      { id, status: GrpcStatus.OK, message: '', detail: EMPTY, body },
      this.#incoming.size === 0,
    );
  }

  #refuse(id: number, thrown: unknown): void {
    const { status, message, detail } = errorToStatus(thrown);
    this.#outbox.reply({ id, status, message, detail, body: EMPTY }, false);
  }

  #fail(reason: BulkheadError): void {
    if (this.#gone !== undefined) return;
    this.#gone = reason;
    this.#deadlines.stop();
    this.#outbox.close();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of waiting) {
      pending.unsubscribe?.();
      pending.reject(reason);
    }
    for (const incoming of this.#incoming.values()) incoming.abort();
    this.#incoming.clear();
    this.#resolveClosed(reason);
  }
}

function unavailable(message: string, cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, message, { retryable: true, cause });
}

function cancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'the caller no longer needs the answer');
}
