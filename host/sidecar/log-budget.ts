import type { Clock } from '../clock.js';

/** How often drops are reported, in milliseconds. */
const REPORT_INTERVAL_MS = 1_000;

export interface LogBudgetOptions {
  readonly clock: Clock;
  /** Lines that a plugin may write in the long run. */
  readonly linesPerSecond: number;
  /** Lines that it may write at once. */
  readonly burstLines: number;
  /** Bytes of lines that it may write in the long run, and at once. Default: as many as the lines hold. */
  readonly bytesPerSecond?: number;
  readonly burstBytes?: number;
  /** Told at most once a second how many lines were dropped since the last time. */
  readonly onDropped: (count: number) => void;
}

/** Token buckets over a plugin's log lines and their bytes, with a count of what did not pass. */
export class LogBudget {
  readonly #options: LogBudgetOptions;
  #lines: number;
  #bytes: number;
  #filledAt: number;
  #dropped = 0;
  #cancelReport: (() => void) | undefined;

  constructor(options: LogBudgetOptions) {
    this.#options = options;
    this.#lines = options.burstLines;
    this.#bytes = options.burstBytes ?? Infinity;
    this.#filledAt = options.clock.monotonic();
  }

  /** Whether one more line of so many bytes may pass; one that may not is counted. */
  take(bytes = 0): boolean {
    if (this.#lines < 1 || this.#bytes < bytes) this.#fill();
    if (this.#lines >= 1 && this.#bytes >= bytes) {
      this.#lines -= 1;
      this.#bytes -= bytes;
      return true;
    }
    this.drop(1);
    return false;
  }

  /** Whether bytes are owed: then nothing is looked at. */
  get inDebt(): boolean {
    if (this.#bytes <= 0) this.#fill();
    return this.#bytes <= 0;
  }

  /** Takes bytes that have been looked at already; what is owed is waited for. */
  owe(bytes: number): void {
    this.#bytes -= bytes;
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
    const { linesPerSecond, burstLines, bytesPerSecond = 0, burstBytes = Infinity } = this.#options;
    const seconds = (now - this.#filledAt) / 1000;
    this.#lines = Math.min(burstLines, this.#lines + seconds * linesPerSecond);
    this.#bytes = Math.min(burstBytes, this.#bytes + seconds * bytesPerSecond);
    this.#filledAt = now;
  }
}
