import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { Audit } from '../../telemetry/audit.js';
import { Repeats } from '../../telemetry/audit/repeats.js';

/** Failures of one address that are answered at once, and over which time. */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
const DELAY_MS = 1_000;
/** Addresses that the audit log names within that time; what comes from further ones is counted together. */
const MAX_NAMED = 200;
/** Addresses that are counted, and answers that wait, at one time. */
const MAX_COUNTED = 10_000;
const MAX_WAITING = 100;

/**
 * Credentials that nobody accepts: audited, and slowed down when one address sends many. A good token is never refused
 * for it, because behind a proxy everybody has one address; and a secret of 256 bits is not found by trying.
 */
export class FailedLogins {
  readonly #clock: Clock;
  readonly #repeats: Repeats;
  readonly #counts = new Map<string, number>();
  #waiting = 0;

  constructor(audit: Audit, clock: Clock) {
    this.#clock = clock;
    this.#repeats = new Repeats(audit, clock, {
      windowMs: WINDOW_MS,
      maxCounted: MAX_NAMED,
      maxOfActor: MAX_NAMED,
    });
  }

  /** @returns the error to answer with, when it is time to */
  async add(address: string, reason: string): Promise<BulkheadError> {
    const error = this.#refuse('login.refused', address, reason);
    if (this.#count(address) <= MAX_FAILURES) return error;
    if (this.#waiting < MAX_WAITING) {
      this.#waiting += 1;
      await new Promise<void>((resolve) => {
        this.#clock.after(DELAY_MS, resolve);
      });
      this.#waiting -= 1;
    }
    return new BulkheadError(ErrorCode.RATE_LIMITED, `too many credentials that nobody accepts: ${reason}`, {
      retryable: true,
      retryAfterMs: WINDOW_MS,
    });
  }

  /** Nothing was tried, so nobody is slowed down. */
  missing(address: string, reason: string): BulkheadError {
    return this.#refuse('login.missing', address, reason);
  }

  #refuse(action: string, target: string, reason: string): BulkheadError {
    const code = ErrorCode.UNAUTHENTICATED;
    this.#repeats.note({
      actor: { kind: 'token', id: 'unknown' },
      action,
      target,
      outcome: 'denied',
      code,
      reason,
    });
    return new BulkheadError(code, reason);
  }

  #count(address: string): number {
    const known = this.#counts.get(address);
    const count = (known ?? 0) + 1;
    if (known === undefined) {
      if (this.#counts.size >= MAX_COUNTED) return Infinity;
      this.#clock.after(WINDOW_MS, () => this.#counts.delete(address));
    }
    this.#counts.set(address, count);
    return count;
  }
}
