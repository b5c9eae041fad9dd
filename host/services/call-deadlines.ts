import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Deadlines } from '@bulkhead/proto/link';
import type { Clock } from '../clock.js';

interface Pending {
  readonly deadlineMs: number;
  readonly expire: () => void;
}

/** Bounds answers in time, with one timer for all of them. */
export class CallDeadlines {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #pending = new Set<Pending>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock, (now) => {
      let next = Infinity;
      for (const pending of this.#pending) {
        if (pending.deadlineMs <= now) pending.expire();
        else next = Math.min(next, pending.deadlineMs);
      }
      return next;
    });
  }

  /** The answer, or DEADLINE_EXCEEDED; then `onExpire` has been called, and what comes of the work later is dropped. */
  within<T>(timeoutMs: number, work: Promise<T>, onExpire: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        deadlineMs: this.#clock.monotonic() + timeoutMs,
        expire: () => {
          this.#pending.delete(pending);
          onExpire();
          reject(
            new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `the host had no answer within ${timeoutMs} ms`, {
              retryable: true,
            }),
          );
        },
      };
      this.#pending.add(pending);
      this.#deadlines.cover(pending.deadlineMs);
      const settle =
        <V>(done: (value: V) => void) =>
        (value: V): void => {
          this.#pending.delete(pending);
          done(value);
        };
      work.then(settle(resolve), settle(reject));
    });
  }
}
