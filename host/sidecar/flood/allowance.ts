/** What may be spent at once, and what comes back each second. */
export interface AllowanceLimits {
  readonly capacity: number;
  readonly perSecond: number;
}

/** A bucket of something that no traffic explains. What traffic explains is given back, and what is lent is not judged yet. */
export class Allowance {
  readonly #limits: AllowanceLimits;
  #left: number;

  constructor(limits: AllowanceLimits) {
    this.#limits = limits;
    this.#left = limits.capacity;
  }

  /**
   * @param spent since the last time; below zero when more was explained than came
   * @returns how far past the allowance it is; 0 or less: within
   */
  spend(spent: number, seconds: number): number {
    const { capacity, perSecond } = this.#limits;
    this.#left = Math.min(capacity, this.#left + perSecond * seconds - spent);
    return -this.#left;
  }
}
