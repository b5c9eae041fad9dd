export interface RestartSettings {
  /** Before the first restart. */
  readonly backoffInitialMs: number;
  readonly backoffMaxMs: number;
  /** Failures within `crashWindowMs` that make a crash loop. */
  readonly crashLimit: number;
  readonly crashWindowMs: number;
}

export type Verdict =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'quarantine'; readonly delayMs: number };

/** Waits before the half-open tries; the last one repeats. */
export const QUARANTINE_DELAYS_MS: readonly number[] = [1, 2, 4, 8, 15].map((minutes) => minutes * 60_000);

/**
 * When a failed process is started again. Each failure in a row doubles the delay, with up to 50 % jitter off it. A process that served for `crashWindowMs` starts with a clean record.
 */
export class RestartPolicy {
  readonly #settings: RestartSettings;
  readonly #random: () => number;
  #failures: number[] = [];
  #inARow = 0;
  #quarantines = 0;

  /** @param random gives 0 up to, not including, 1 */
  constructor(settings: RestartSettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
  }

  /** Whether the next start is a half-open try. */
  get halfOpen(): boolean {
    return this.#quarantines > 0;
  }

  /** @param servedMs how long the process was ready before it failed; 0 when it never was */
  onFailure(nowMs: number, servedMs: number): Verdict {
    const { crashLimit, crashWindowMs } = this.#settings;
    if (servedMs >= crashWindowMs) {
      this.#inARow = 0;
      this.#quarantines = 0;
    }
    this.#inARow += 1;
    this.#failures = [...this.#failures.filter((at) => nowMs - at < crashWindowMs), nowMs].slice(-crashLimit);
    if (this.#quarantines > 0 || this.#failures.length >= crashLimit) {
      const delayMs = QUARANTINE_DELAYS_MS[Math.min(this.#quarantines, QUARANTINE_DELAYS_MS.length - 1)] ?? 0;
      this.#quarantines += 1;
      return { kind: 'quarantine', delayMs };
    }
    return { kind: 'retry', delayMs: this.#backoff() };
  }

  #backoff(): number {
    const { backoffInitialMs, backoffMaxMs } = this.#settings;
    const full = Math.min(backoffMaxMs, backoffInitialMs * 2 ** Math.min(this.#inARow - 1, 30));
    return Math.round(full * (1 - this.#random() / 2));
  }
}
