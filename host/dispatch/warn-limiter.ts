import type { Logger } from 'pino';
import type { Clock } from '../clock.js';

/** The same warning is written at most this often. */
const INTERVAL_MS = 10_000;
/** Distinct warnings remembered; past it the memory starts anew. */
const MAX_KEYS = 1_000;

/** Warnings from the path of every call: a plugin that misbehaves on each of 100,000 calls a second must not flood the log. */
export class WarnLimiter {
  readonly #last = new Map<string, { at: number; suppressed: number }>();
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** @param key - what makes two warnings the same */
  warn(key: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    const now = this.#clock.monotonic();
    const known = this.#last.get(key);
    if (known !== undefined && now - known.at < INTERVAL_MS) {
      known.suppressed++;
      return;
    }
    if (known === undefined && this.#last.size >= MAX_KEYS) this.#last.clear();
    this.#last.set(key, { at: now, suppressed: 0 });
    const suppressed = known?.suppressed ?? 0;
    this.#log.warn(suppressed === 0 ? fields : { ...fields, suppressed }, message);
  }
}
