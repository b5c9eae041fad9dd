import { BulkheadError, ErrorCode } from '../errors.js';
import { Deadlines, type LinkClock } from './deadlines.js';
import type { LinkCall, LinkPart } from './frame.js';
import { PartialBody, bodyTooLarge } from './partial-body.js';

export interface PartialLimits {
  /** Of one body. */
  readonly maxBodyBytes: number;
  /** Of all that are there in part, as announced. */
  readonly maxPartialBytes: number;
  /** For a call that says no time of its own. */
  readonly defaultTimeoutMs: number;
}

interface PartialCall {
  readonly call: LinkCall;
  readonly body: PartialBody;
  readonly bytes: number;
  readonly deadline: number;
  readonly onExpired: (error: BulkheadError) => void;
}

/** Calls of the other side whose bodies are there in part. Each is whole within the time that its caller gives, or gone. */
export class PartialCalls {
  readonly #limits: PartialLimits;
  readonly #clock: LinkClock;
  readonly #deadlines: Deadlines;
  readonly #calls = new Map<number, PartialCall>();
  #bytes = 0;

  constructor(limits: PartialLimits, clock: LinkClock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock, (now) => this.#expire(now));
  }

  get size(): number {
    return this.#calls.size;
  }

  has(id: number): boolean {
    return this.#calls.has(id);
  }

  /**
   * @param onExpired called when the rest does not come in time
   * @throws BulkheadError MESSAGE_TOO_LARGE, PLUGIN_OVERLOADED when too much is there in part already
   */
  begin(call: LinkCall, onExpired: (error: BulkheadError) => void): void {
    const { maxBodyBytes, maxPartialBytes, defaultTimeoutMs } = this.#limits;
    const bytes = call.body.length + call.rest;
    if (bytes > maxBodyBytes) throw bodyTooLarge(bytes, maxBodyBytes);
    if (this.#bytes + bytes > maxPartialBytes) {
      throw new BulkheadError(
        ErrorCode.PLUGIN_OVERLOADED,
        `${this.#bytes} bytes of calls are there in part already; this side takes ${maxPartialBytes}`,
        { retryable: true },
      );
    }
    const timeoutMs = call.timeoutMs === 0 ? defaultTimeoutMs : call.timeoutMs;
    const deadline = this.#clock.monotonic() + timeoutMs;
    const body = new PartialBody(call.body, call.rest);
    this.#calls.set(call.id, { call, body, bytes, deadline, onExpired });
    this.#bytes += bytes;
    this.#deadlines.cover(deadline);
  }

  /**
   * @returns the call, when this part completes its body
   * @throws BulkheadError PROTOCOL_ERROR when it is more than was announced
   */
  addPart({ id, body: part }: LinkPart): LinkCall | undefined {
    const partial = this.#calls.get(id);
    const body = partial?.body.add(part);
    if (partial === undefined || body === undefined) return undefined;
    this.drop(id);
    return { ...partial.call, body, rest: 0 };
  }

  drop(id: number): void {
    const partial = this.#calls.get(id);
    if (partial === undefined) return;
    this.#calls.delete(id);
    this.#bytes -= partial.bytes;
  }

  clear(): void {
    this.#deadlines.stop();
    this.#calls.clear();
    this.#bytes = 0;
  }

  #expire(now: number): number {
    let earliest = Infinity;
    for (const [id, { deadline, onExpired }] of this.#calls) {
      if (deadline > now) {
        earliest = Math.min(earliest, deadline);
        continue;
      }
      this.drop(id);
      onExpired(
        new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, 'the rest of the call did not come in time', {
          retryable: true,
        }),
      );
    }
    return earliest;
  }
}
