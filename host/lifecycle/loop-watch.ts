import type { Clock } from '../clock.js';

const TICK_MS = 200;
/** Lateness that is ordinary scheduling. */
const TOLERANCE_MS = 50;

/** Measures for how long the host's own event loop stood still, so that a plugin is not blamed for it. */
export class LoopWatch {
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;
  #dueMs = 0;
  #blockedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    if (this.#cancel !== undefined) return;
    this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Milliseconds that the loop stood still since the watch began, a pause that is not over yet included. */
  blockedMs(): number {
    return this.#blockedMs + this.#lateMs();
  }

  #lateMs(): number {
    if (this.#cancel === undefined) return 0;
    const late = this.#clock.monotonic() - this.#dueMs;
    return late > TOLERANCE_MS ? late : 0;
  }

  #arm(): void {
    this.#dueMs = this.#clock.monotonic() + TICK_MS;
    this.#cancel = this.#clock.after(TICK_MS, () => {
      this.#blockedMs += this.#lateMs();
      this.#arm();
    });
  }
}
