/** Latencies that percentiles are taken from: the last so many of each name. */
const KEPT = 256;

export interface Percentiles {
  readonly p50_ms: number;
  readonly p95_ms: number;
}

/** The last latencies of one name, in a ring of fixed size. */
export class Samples {
  readonly #ring = new Float64Array(KEPT);
  #next = 0;
  #filled = 0;
  /** Calls since the last report. */
  calls = 0;

  add(latencyMs: number): void {
    this.#ring[this.#next] = latencyMs;
    this.#next = (this.#next + 1) % KEPT;
    this.#filled = Math.min(KEPT, this.#filled + 1);
    this.calls += 1;
  }

  /** By nearest rank: a percentile is always a latency that was measured. */
  percentiles(): Percentiles {
    const sorted = this.#ring.slice(0, this.#filled).sort();
    const rank = (percent: number): number =>
      sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
    return { p50_ms: rank(50), p95_ms: rank(95) };
  }
}
