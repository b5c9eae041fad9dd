/** Time as the link needs it; host/clock.ts has the same shape. */
export interface LinkClock {
  monotonic(): number;
  after(delayMs: number, callback: () => void): () => void;
}

export const systemLinkClock: LinkClock = {
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** No two scans are closer than this, so that many different deadlines do not cost many scans. */
const MIN_SCAN_INTERVAL_MS = 5;

/**
 * One timer for all deadlines of a link. It sleeps until the earliest deadline it has seen, then asks for a scan,
 * which expires what is due and says when the next one is. Calls that are answered in time cost one comparison.
 */
export class Deadlines {
  readonly #clock: LinkClock;
  readonly #scan: (now: number) => number;
  #wakeAt = Infinity;
  #cancel: (() => void) | undefined;

  /** @param scan expires what is due at `now` and returns the earliest deadline left, or Infinity */
  constructor(clock: LinkClock, scan: (now: number) => number) {
    this.#clock = clock;
    this.#scan = scan;
  }

  /** Makes sure that a scan comes at `deadline`. */
  cover(deadline: number): void {
    if (deadline < this.#wakeAt) this.#sleepUntil(deadline);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wakeAt = Infinity;
  }

  #sleepUntil(deadline: number): void {
    this.#cancel?.();
    this.#wakeAt = deadline;
    const delayMs = Math.max(MIN_SCAN_INTERVAL_MS, Math.ceil(deadline - this.#clock.monotonic()));
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#wakeAt = Infinity;
      const next = this.#scan(this.#clock.monotonic());
      if (next !== Infinity) this.cover(next);
    });
  }
}
