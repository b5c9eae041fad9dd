import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { PortOptions, ServingProcess } from './serving-process.js';

type Run = (process: ServingProcess, options: PortOptions) => void;

interface Waiting {
  readonly run: Run;
  readonly reject: (error: BulkheadError) => void;
  readonly options: PortOptions;
  readonly expiresMs: number;
  readonly leave: (() => void) | undefined;
}

/** Calls that wait for a place, first come first served. Bounded; waiting counts against the deadline. */
export class CallQueue {
  readonly #plugin: string;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  // One timer for all: it fires at the earliest deadline.
  #cancelTimer: (() => void) | undefined;
  #timerMs = Infinity;

  constructor(plugin: string, clock: Clock) {
    this.#plugin = plugin;
    this.#clock = clock;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Waits until {@link next} gives it a process. The caller keeps the bound. */
  add<T>(
    call: (process: ServingProcess, options: PortOptions) => Promise<T>,
    options: PortOptions,
  ): Promise<T> {
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(this.#cancelled());
    return new Promise<T>((resolve, reject) => {
      const leave =
        signal === undefined
          ? undefined
          : () => {
              this.#waiting.splice(this.#waiting.indexOf(entry), 1);
              reject(this.#cancelled());
            };
      const entry: Waiting = {
        run: (process, left) => {
          call(process, left).then(resolve, reject);
        },
        reject,
        options,
        expiresMs: this.#clock.monotonic() + options.timeoutMs,
        leave,
      };
      if (leave !== undefined) signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(entry);
      this.#arm(entry.expiresMs);
    });
  }

  /** Gives the first waiting call to the process. @returns false when none waits any more */
  next(process: ServingProcess): boolean {
    const nowMs = this.#clock.monotonic();
    for (;;) {
      const entry = this.#waiting.shift();
      if (entry === undefined) return false;
      unlisten(entry);
      const timeoutMs = entry.expiresMs - nowMs;
      if (timeoutMs > 0) {
        entry.run(process, { ...entry.options, timeoutMs });
        return true;
      }
      entry.reject(this.#expired(entry));
    }
  }

  /** Fails every waiting call with the error that `reason` makes. */
  fail(reason: () => BulkheadError): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerMs = Infinity;
    for (const entry of this.#waiting.splice(0)) {
      unlisten(entry);
      entry.reject(reason());
    }
  }

  #arm(atMs: number): void {
    if (atMs >= this.#timerMs) return;
    this.#cancelTimer?.();
    this.#timerMs = atMs;
    this.#cancelTimer = this.#clock.after(Math.max(0, atMs - this.#clock.monotonic()), () => {
      this.#expire();
    });
  }

  #expire(): void {
    this.#timerMs = Infinity;
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.monotonic();
    const expired = this.#waiting.filter((entry) => entry.expiresMs <= nowMs);
    const left = this.#waiting.filter((entry) => entry.expiresMs > nowMs);
    this.#waiting.splice(0, this.#waiting.length, ...left);
    for (const entry of expired) {
      unlisten(entry);
      entry.reject(this.#expired(entry));
    }
    let earliestMs = Infinity;
    for (const entry of left) earliestMs = Math.min(earliestMs, entry.expiresMs);
    if (left.length > 0) this.#arm(earliestMs);
  }

  /** The error of a call that finds `maxQueue` others waiting. */
  overloaded(maxQueue: number): BulkheadError {
    return new BulkheadError(
      ErrorCode.PLUGIN_OVERLOADED,
      `plugin '${this.#plugin}' is overloaded: its calls in flight are at their limit and ${maxQueue} more wait; slow down, or raise max_in_flight, max_queue or instances`,
      { retryable: true },
    );
  }

  #cancelled(): BulkheadError {
    return new BulkheadError(
      ErrorCode.CANCELLED,
      `the call of plugin '${this.#plugin}' was cancelled while it waited`,
    );
  }

  #expired(entry: Waiting): BulkheadError {
    return new BulkheadError(
      ErrorCode.DEADLINE_EXCEEDED,
      `plugin '${this.#plugin}' took no call within ${entry.options.timeoutMs} ms: its calls in flight are at their limit`,
      { retryable: true },
    );
  }
}

function unlisten(entry: Waiting): void {
  if (entry.leave !== undefined) entry.options.signal?.removeEventListener('abort', entry.leave);
}
