import type { Clock } from '../clock.js';

export interface BackoffOptions {
  /** Wait before the first new attempt, in milliseconds. */
  readonly initialMs: number;
  readonly maxMs: number;
  /** Failures within `crashWindowMs` after which it is left alone for a while. */
  readonly crashLimit: number;
  readonly crashWindowMs: number;
}

/** Half-open tries of a quarantined upstream: after 1, 2, 4 … 15 minutes. */
const QUARANTINE_FIRST_MS = 60_000;
const QUARANTINE_MAX_MS = 15 * 60_000;

export type RetryPlan = { readonly kind: 'retry' | 'quarantine'; readonly delayMs: number };

/** Decides how long to wait after a failure. */
export interface Backoff {
  /** A start failed, or what was started is gone. */
  failed(): RetryPlan;
  /** It answers again. A life shorter than the crash window does not forgive the failures before it. */
  recovered(): void;
}

/**
 * Exponential, with jitter of up to half the wait, so that many hosts do not return as one.
 *
 * @param random from 0 up to 1
 */
export function createBackoff(options: BackoffOptions, clock: Clock, random: () => number): Backoff {
  let failures: number[] = [];
  let consecutive = 0;
  let quarantines = 0;
  let readySince: number | undefined;
  return {
    failed() {
      const now = clock.monotonic();
      if (readySince !== undefined && now - readySince >= options.crashWindowMs) {
        consecutive = 0;
        quarantines = 0;
      }
      readySince = undefined;
      failures = failures.filter((at) => now - at < options.crashWindowMs);
      failures.push(now);
      if (failures.length >= options.crashLimit || quarantines > 0) {
        failures = [];
        const delayMs = Math.min(QUARANTINE_FIRST_MS * 2 ** quarantines, QUARANTINE_MAX_MS);
        quarantines += 1;
        return { kind: 'quarantine', delayMs };
      }
      const full = Math.min(options.initialMs * 2 ** Math.min(consecutive, 30), options.maxMs);
      consecutive += 1;
      return { kind: 'retry', delayMs: Math.round(full / 2 + (full / 2) * random()) };
    },
    recovered() {
      readySince = clock.monotonic();
    },
  };
}
