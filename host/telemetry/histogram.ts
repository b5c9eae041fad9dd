/** Eight buckets per doubling of microseconds: a quantile is off by at most 4.5 %. */
const BUCKETS_PER_DOUBLING = 8;
const DOUBLINGS = 28; // 2^28 µs is 268 s; more lands in the last bucket.
const BUCKETS = BUCKETS_PER_DOUBLING * DOUBLINGS;

/** Latencies on a logarithmic scale. Observing allocates nothing. */
export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  observe(durationMs: number): void {
    const ms = durationMs > 0 ? durationMs : 0;
    const us = ms * 1_000;
    const bucket = us <= 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(us) * BUCKETS_PER_DOUBLING));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** The duration in milliseconds that a share `q` (0 to 1) of the observations did not exceed; 0 without any. */
  quantile(q: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#buckets[bucket] ?? 0;
      if (seen >= rank) return Math.min(this.#maxMs, 2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING) / 1_000);
    }
    return this.#maxMs;
  }

  /** How many observations took less than 2^`doublings` microseconds. */
  countBelow(doublings: number): number {
    const end = Math.min(BUCKETS, doublings * BUCKETS_PER_DOUBLING);
    let count = 0;
    for (let bucket = 0; bucket < end; bucket += 1) count += this.#buckets[bucket] ?? 0;
    return count;
  }

  /** Adds another's observations to this one's. */
  add(other: Histogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + (other.#buckets[bucket] ?? 0);
    }
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }
}
