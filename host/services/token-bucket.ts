/** How often something may happen: `count` in `perMs`, and as many at once after a quiet time. */
export interface Rate {
  readonly count: number;
  /** Milliseconds. */
  readonly perMs: number;
}

/** A token bucket that is full at first. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledMs: number;

  /** @param nowMs a monotonic time in milliseconds; so for `take` */
  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.count;
    this.#filledMs = nowMs;
  }

  /**
   * Takes `cost` tokens, if they are there.
   *
   * @returns 0, or the milliseconds until they are there. What costs more than the bucket holds is let through when it is full.
   */
  take(cost: number, nowMs: number): number {
    const { count, perMs } = this.#rate;
    const passedMs = Math.max(0, nowMs - this.#filledMs);
    this.#tokens = Math.min(count, this.#tokens + (passedMs * count) / perMs);
    this.#filledMs = nowMs;
    const needed = Math.min(cost, count);
    if (this.#tokens >= needed) {
      this.#tokens -= cost;
      return 0;
    }
    return Math.max(1, Math.ceil(((needed - this.#tokens) * perMs) / count));
  }

  /** Takes what is known only afterwards; what is owed is waited for by whoever takes next. */
  owe(cost: number): void {
    this.#tokens -= cost;
  }
}
