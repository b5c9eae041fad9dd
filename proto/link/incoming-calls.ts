import { status as GrpcStatus } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '../errors.js';
import type { LinkCall, LinkPart } from './frame.js';
import type { Outbox } from './outbox.js';
import type { PartialCalls } from './partial-calls.js';
import { errorToStatus } from './status.js';

const EMPTY = new Uint8Array(0);
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

/** The calls of the other side: each is answered, refused, or cancelled by its caller. */
export class IncomingCalls {
  readonly #outbox: Outbox;
  readonly #serve: readonly ServedMethod[];
  readonly #maxCalls: number;
  readonly #partial: PartialCalls;
  readonly #onLie: (error: BulkheadError) => void;
  readonly #onUnknownMethod: ((method: number) => void) | undefined;
  readonly #onWaste: (() => void) | undefined;
  readonly #running = new Map<number, Incoming>();
  // Each of them may still be cancelled: the cancel crosses the answer on the way.
  #answered = 0;
  // Calls of a frame wait for their turn.
  #backlog = false;
  #closed = false;

  /**
   * @param onLie called when the other side breaks the protocol
   * @param onUnknownMethod hears of each call of a method that is not served, besides the refusal
   * @param onWaste hears of each call that is refused here, and of each cancel of a call that never was
   */
  constructor(
    outbox: Outbox,
    serve: readonly ServedMethod[],
    maxCalls: number,
    partial: PartialCalls,
    onLie: (error: BulkheadError) => void,
    onUnknownMethod?: (method: number) => void,
    onWaste?: () => void,
  ) {
    this.#outbox = outbox;
    this.#serve = serve;
    this.#maxCalls = maxCalls;
    this.#partial = partial;
    this.#onLie = onLie;
    this.#onUnknownMethod = onUnknownMethod;
    this.#onWaste = onWaste;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Nothing more should be read until it is worked off. */
  get backlog(): boolean {
    return this.#backlog;
  }

  /** Takes the calls of one frame, and the parts that go with them. */
  receive(calls: readonly LinkCall[], parts: readonly LinkPart[]): void {
    if (calls.length > MAX_CALLS_PER_TURN) {
      this.#receiveInTurns(calls, parts, 0);
      return;
    }
    for (const call of calls) this.#receiveCall(call);
    if (parts.length > 0) this.#receiveParts(parts);
  }

  cancel(id: number): void {
    const running = this.#running.get(id);
    if (running === undefined && !this.#partial.has(id)) {
      if (this.#answered > 0) this.#answered -= 1;
      else this.#onWaste?.();
    }
    running?.abort();
    this.#running.delete(id);
    this.#partial.drop(id);
    this.#outbox.withdrawReply(id);
  }

  close(): void {
    this.#closed = true;
    this.#partial.clear();
    for (const incoming of this.#running.values()) incoming.abort();
    this.#running.clear();
  }

  /** A frame of very many calls: other connections of this process get their turns in between. */
  #receiveInTurns(calls: readonly LinkCall[], parts: readonly LinkPart[], from: number): void {
    const to = Math.min(calls.length, from + MAX_CALLS_PER_TURN);
    for (let at = from; at < to; at += 1) {
      const call = calls[at];
      if (call !== undefined) this.#receiveCall(call);
    }
    this.#backlog = to < calls.length;
    if (!this.#backlog) {
      this.#receiveParts(parts);
      return;
    }
    setImmediate(() => {
      if (this.#closed) return;
      this.#outbox.together(() => {
        this.#receiveInTurns(calls, parts, to);
      });
    });
  }

  #receiveParts(parts: readonly LinkPart[]): void {
    try {
      for (const part of parts) {
        if (part.ofReply || this.#closed) continue;
        const whole = this.#partial.addPart(part);
        if (whole !== undefined) this.#answer(whole);
      }
    } catch (error) {
      this.#onLie(BulkheadError.from(error));
    }
  }

  #receiveCall(call: LinkCall): void {
    if (this.#closed) return;
    if (this.#running.has(call.id) || this.#partial.has(call.id)) {
      this.#onLie(
        new BulkheadError(ErrorCode.PROTOCOL_ERROR, `the other side used call id ${call.id} twice`),
      );
      return;
    }
    const refused = this.#refusal(call);
    if (refused !== undefined) {
      this.#onWaste?.();
      this.#refuse(call.id, refused);
    } else if (call.rest === 0) this.#answer(call);
    else this.#begin(call);
  }

  #refusal(call: LinkCall): BulkheadError | undefined {
    if (this.#serve[call.method] === undefined) {
      this.#onUnknownMethod?.(call.method);
      return new BulkheadError(ErrorCode.UNKNOWN_METHOD, `no method number ${call.method}`);
    }
    if (this.#running.size + this.#partial.size < this.#maxCalls) return undefined;
    return new BulkheadError(
      ErrorCode.PLUGIN_OVERLOADED,
      `${this.#maxCalls} calls are being handled already`,
      { retryable: true },
    );
  }

  #begin(call: LinkCall): void {
    try {
      this.#partial.begin(call, (expired) => {
        this.#refuse(call.id, expired);
      });
    } catch (error) {
      this.#onWaste?.();
      this.#refuse(call.id, error);
    }
  }

  #answer(call: LinkCall): void {
    const served = this.#serve[call.method];
    if (served === undefined) return;
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
    this.#running.set(call.id, incoming);
    result.then(
      (body) => {
        if (this.#running.delete(call.id)) this.#reply(call.id, body);
      },
      (error: unknown) => {
        if (this.#running.delete(call.id)) this.#refuse(call.id, error);
      },
    );
  }

  #reply(id: number, body: Uint8Array): void {
    this.#answered += 1;
    this.#outbox.reply(
      { id, status: GrpcStatus.OK, message: '', detail: EMPTY, body, rest: 0 },
      this.#running.size === 0,
    );
  }

  #refuse(id: number, thrown: unknown): void {
    this.#answered += 1;
    const { status, message, detail } = errorToStatus(thrown);
    this.#outbox.reply({ id, status, message, detail, body: EMPTY, rest: 0 }, false);
  }
}
