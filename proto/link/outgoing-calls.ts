import { BulkheadError, ErrorCode } from '../errors.js';
import type { CallOptions } from './call-options.js';
import { Deadlines, type LinkClock } from './deadlines.js';
import type { LinkCall, LinkPart, LinkReply } from './frame.js';
import { HeldCalls } from './held-calls.js';
import type { Outbox } from './outbox.js';
import { PartialBody, bodyTooLarge } from './partial-body.js';
import { statusToError } from './status.js';

const MAX_ID = 0xffff_ffff;

interface Pending {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: BulkheadError) => void;
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly unsubscribe: (() => void) | undefined;
  /** An answer that is there in part. */
  partial: PartialBody | undefined;
}

export interface OutgoingLimits {
  readonly defaultTimeoutMs: number;
  readonly maxQueuedBytes: number;
  readonly maxBodyBytes: number;
  /** Calls that the other side has at once; more wait here. */
  readonly maxOutgoing: number;
}

/** The calls that this side makes: each settles by its answer, its deadline, its signal or the end of the link. */
export class OutgoingCalls {
  readonly #outbox: Outbox;
  readonly #methods: ReadonlyMap<string, number>;
  readonly #limits: OutgoingLimits;
  readonly #clock: LinkClock;
  readonly #deadlines: Deadlines;
  readonly #pending = new Map<number, Pending>();
  readonly #held = new HeldCalls();
  readonly #onWaste: (() => void) | undefined;
  #nextId = 0;
  // Each of them may still be answered: the answer crosses the cancel on the way.
  #abandoned = 0;

  /** @param onWaste hears of each answer to a call that was never made */
  constructor(
    outbox: Outbox,
    remoteMethods: readonly string[],
    limits: OutgoingLimits,
    clock: LinkClock,
    onWaste?: () => void,
  ) {
    this.#onWaste = onWaste;
    this.#outbox = outbox;
    this.#methods = new Map(remoteMethods.map((path, index) => [path, index]));
    this.#limits = limits;
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock, (now) => this.#expire(now));
  }

  get size(): number {
    return this.#pending.size;
  }

  has(path: string): boolean {
    return this.#methods.has(path);
  }

  call(path: string, body: Uint8Array, options: CallOptions | undefined): Promise<Uint8Array> {
    const method = this.#methods.get(path);
    const refused = this.#refusal(path, method, body.length, options?.signal);
    if (refused !== undefined || method === undefined) return Promise.reject(refused);
    const timeoutMs = Math.max(1, Math.ceil(options?.timeoutMs ?? this.#limits.defaultTimeoutMs));
    const deadline = this.#clock.monotonic() + timeoutMs;
    const id = this.#freeId();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve,
        reject,
        deadline,
        timeoutMs,
        unsubscribe: options?.signal === undefined ? undefined : this.#onAbort(options.signal, id),
        partial: undefined,
      });
      this.#deadlines.cover(deadline);
      const traceparent = options?.traceparent ?? '';
      this.#send({ id, method, timeoutMs, traceparent, body, rest: 0 });
    });
  }

  settle(reply: LinkReply): void {
    if (reply.rest > 0 && reply.status === 0) {
      this.#settleLater(reply);
      return;
    }
    const pending = this.#take(reply.id);
    if (pending === undefined) {
      // The call expired or was cancelled while its answer was on the way, or there was none.
      if (this.#abandoned > 0) this.#abandoned -= 1;
      else this.#onWaste?.();
      return;
    }
    if (reply.status === 0) pending.resolve(reply.body);
    else pending.reject(statusToError(reply.status, reply.message, reply.detail));
  }

  /** @throws BulkheadError PROTOCOL_ERROR */
  addPart({ id, body }: LinkPart): void {
    const whole = this.#pending.get(id)?.partial?.add(body);
    if (whole !== undefined) this.#take(id)?.resolve(whole);
  }

  /** Every call fails with this. */
  fail(reason: BulkheadError): void {
    this.#deadlines.stop();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    this.#held.clear();
    for (const pending of waiting) {
      pending.unsubscribe?.();
      pending.reject(reason);
    }
  }

  #settleLater({ id, body, rest }: LinkReply): void {
    const bytes = body.length + rest;
    const { maxBodyBytes } = this.#limits;
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (bytes <= maxBodyBytes) {
      pending.partial = new PartialBody(body, rest);
      return;
    }
    this.#giveUp(id);
    pending.reject(bodyTooLarge(bytes, maxBodyBytes));
  }

  #refusal(
    path: string,
    method: number | undefined,
    bodyBytes: number,
    signal: AbortSignal | undefined,
  ): BulkheadError | undefined {
    if (method === undefined) {
      return new BulkheadError(ErrorCode.UNKNOWN_METHOD, `the other side does not serve ${path}`);
    }
    if (signal?.aborted === true) return cancelled();
    const queuedBytes = this.#outbox.queuedBytes(bodyBytes) + this.#held.bytes;
    if (queuedBytes <= this.#limits.maxQueuedBytes) return undefined;
    return new BulkheadError(
      ErrorCode.PLUGIN_OVERLOADED,
      `${queuedBytes} bytes wait to be written, more than the link's ${this.#limits.maxQueuedBytes}`,
      { retryable: true },
    );
  }

  #send(call: LinkCall): void {
    const there = this.#pending.size - this.#held.size;
    if (there > this.#limits.maxOutgoing) this.#held.add(call);
    else this.#outbox.call(call, this.#pending.size <= 1);
  }

  #freeId(): number {
    do this.#nextId = this.#nextId >= MAX_ID ? 1 : this.#nextId + 1;
    while (this.#pending.has(this.#nextId));
    return this.#nextId;
  }

  #onAbort(signal: AbortSignal, id: number): () => void {
    const onAbort = (): void => {
      this.#giveUp(id)?.reject(cancelled());
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
    // Its place is free, unless it never had one.
    if (!this.#held.empty && !this.#held.remove(id)) {
      const next = this.#held.takeFirst();
      if (next !== undefined) this.#outbox.call(next, false);
    }
    return pending;
  }

  /** Takes a call back, and tells the other side where it knows of it that its answer is not needed any more. */
  #giveUp(id: number): Pending | undefined {
    const held = this.#held.has(id);
    const pending = this.#take(id);
    if (pending === undefined || held || this.#outbox.withdraw(id)) return pending;
    this.#abandoned += 1;
    this.#outbox.cancel(id);
    return pending;
  }

  #expire(now: number): number {
    let earliest = Infinity;
    for (const [id, pending] of this.#pending) {
      if (pending.deadline > now) {
        if (pending.deadline < earliest) earliest = pending.deadline;
        continue;
      }
      this.#giveUp(id);
      pending.reject(
        new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `no answer within ${pending.timeoutMs} ms`, {
          retryable: true,
        }),
      );
    }
    return earliest;
  }
}

function cancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'the caller no longer needs the answer');
}
