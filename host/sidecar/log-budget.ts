import type { Clock } from '../clock.js';

/** How often drops are reported, in milliseconds. */
const REPORT_INTERVAL_MS = 1_000;

export interface LogBudgetOptions {
  readonly clock: Clock;
  /** Lines that a plugin may write in the long run. */
  readonly linesPerSecond: number;
  /** Lines that it may write at once. */
  readonly burstLines: number;
  /** Told at most once a second how many lines were dropped since the last time. */
  readonly onDropped: (count: number) => void;
}

/** A token bucket over a plugin's log lines, with a count of what did not pass. */
export class LogBudget {
  readonly #options: LogBudgetOptions;
  #tokens: number;
  #filledAt: number;
  #dropped = 0;
  #cancelReport: (() => void) | undefined;

  constructor(options: LogBudgetOptions) {
    this.#options = options;
    this.#tokens = options.burstLines;
    this.#filledAt = options.clock.monotonic();
  }

  /** Whether one more line may pass; one that may not is counted. */
  take(): boolean {
    if (this.#tokens < 1) this.#fill();
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return true;
    }
    this.drop(1);
    return false;
  }

  /** Counts lines that do not pass, whatever the rate. */
  drop(count: number): void {
    if (count === 0) return;
    this.#dropped += count;
    this.#cancelReport ??= this.#options.clock.after(REPORT_INTERVAL_MS, () => {
      this.report();
    });
  }

  /** Says now what was dropped, if anything was. */
  report(): void {
    this.#cancelReport?.();
    this.#cancelReport = undefined;
    if (this.#dropped === 0) return;
    const count = this.#dropped;
    this.#dropped = 0;
    this.#options.onDropped(count);
  }

  #fill(): void {
    const now = this.#options.clock.monotonic();
    const earned = ((now - this.#filledAt) / 1000) * this.#options.linesPerSecond;
    this.#tokens = Math.min(this.#options.burstLines, this.#tokens + earned);
    this.#filledAt = now;
  }
}
