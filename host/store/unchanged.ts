import type { Clock } from '../clock.js';

/**
 * Tells how long each of several values has stood still, by this host's own steady clock. So one host judges whether
 * another still counts up without comparing the clocks of two machines, and a clock that is set changes nothing.
 */
export class Unchanged {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { readonly value: string; readonly sinceMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds for which `name` has been seen with this value; 0 the first time. */
  forMs(name: string, value: string): number {
    const now = this.#clock.monotonic();
    const seen = this.#seen.get(name);
    if (seen?.value === value) return now - seen.sinceMs;
    this.#seen.set(name, { value, sinceMs: now });
    return 0;
  }

  /** Forgets every name but these. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
  }
}
