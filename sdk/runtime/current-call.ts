import { AsyncLocalStorage } from 'node:async_hooks';
import type { RuntimeClock } from './clock.js';
import type { IncomingCall } from './incoming.js';

/** The call that runs, as what it makes in turn must know it. */
export interface RunningCall {
  readonly signal: AbortSignal;
  /** W3C traceparent, or empty. */
  readonly traceparent: string;
  /** Milliseconds until its deadline, never negative; Infinity when it has none. */
  readonly remainingMs: number;
}

interface Entry {
  readonly incoming: IncomingCall;
  readonly deadlineMonotonic: number;
  /** What runs on after the answer is nobody's call any more. */
  ended: boolean;
}

/**
 * Finds the call from anywhere below its handler, so that what a handler asks of the host or of the network takes the
 * call's deadline, trace and cancellation without being told.
 */
export class CurrentCall {
  readonly #clock: RuntimeClock;
  readonly #storage = new AsyncLocalStorage<Entry>();
  #needed = false;

  constructor(clock: RuntimeClock) {
    this.#clock = clock;
  }

  /** From now on calls are followed. A plugin that was granted nothing has nobody to ask and does not pay for it. */
  follow(): void {
    this.#needed = true;
  }

  /** Undefined outside a handler, and after its call ended. */
  get(): RunningCall | undefined {
    const entry = this.#storage.getStore();
    if (entry === undefined || entry.ended) return undefined;
    const { incoming, deadlineMonotonic } = entry;
    return {
      get signal() {
        return incoming.signal;
      },
      traceparent: incoming.traceparent,
      remainingMs: Math.max(0, deadlineMonotonic - this.#clock.monotonic()),
    };
  }

  /** Runs a handler as part of its call. The handler's side says with {@link end} when the call is answered. */
  within<Argument, Value>(
    incoming: IncomingCall,
    defaultTimeoutMs: number,
    run: (argument: Argument) => Value,
    argument: Argument,
  ): Value {
    if (!this.#needed) return run(argument);
    const timeoutMs = incoming.timeoutMs || defaultTimeoutMs;
    const entry: Entry = {
      incoming,
      deadlineMonotonic: timeoutMs === 0 ? Infinity : this.#clock.monotonic() + timeoutMs,
      ended: false,
    };
    return this.#storage.run(entry, run, argument);
  }

  /** The call that runs is answered: what it left behind runs on by itself. */
  end(): void {
    if (!this.#needed) return;
    const entry = this.#storage.getStore();
    if (entry !== undefined) entry.ended = true;
  }
}
