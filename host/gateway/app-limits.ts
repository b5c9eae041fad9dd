import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { AppObject } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import { TokenBucket } from '../services/token-bucket.js';
import type { Audit } from '../telemetry/audit.js';

const PER_MS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
/** Apps whose requests are counted at one time; the one that was counted first goes first. */
const MAX_APPS = 10_000;
/** An app that is refused all the time is one entry of the audit log in this time, in milliseconds. */
const NOTE_EVERY_MS = 10_000;

interface Account {
  readonly rate: string;
  readonly bucket: TokenBucket;
  /** When its refusal was last noted. */
  notedMs: number;
}

/** Holds apps to their `rate_limit`; each host counts for itself. */
export class AppLimits {
  readonly #clock: Clock;
  readonly #audit: Audit;
  readonly #accounts = new Map<string, Account>();

  constructor(clock: Clock, audit: Audit) {
    this.#clock = clock;
    this.#audit = audit;
  }

  /** Counts requests. @throws BulkheadError RATE_LIMITED that says when to come again */
  take({ id, rate_limit: limit }: AppObject, requests: number): void {
    if (limit === undefined) return;
    const now = this.#clock.monotonic();
    const account = this.#accountOf(id, limit, now);
    const retryAfterMs = account.bucket.take(requests, now);
    if (retryAfterMs === 0) return;
    const rate = `${String(limit.requests)} requests a ${limit.per}`;
    const message = `the app '${id}' may make ${rate}; try again in ${String(retryAfterMs)} ms`;
    if (now - account.notedMs >= NOTE_EVERY_MS) {
      account.notedMs = now;
      this.#audit.note({
        actor: { kind: 'app', id },
        action: 'gateway.refused',
        outcome: 'denied',
        code: ErrorCode.RATE_LIMITED,
        reason: message,
      });
    }
    throw new BulkheadError(ErrorCode.RATE_LIMITED, message, { retryable: true, retryAfterMs });
  }

  #accountOf(id: string, { requests, per }: NonNullable<AppObject['rate_limit']>, now: number): Account {
    const rate = `${String(requests)}/${per}`;
    const known = this.#accounts.get(id);
    if (known?.rate === rate) return known;
    const bucket = new TokenBucket({ count: requests, perMs: PER_MS[per] }, now);
    const account = { rate, bucket, notedMs: -NOTE_EVERY_MS };
    this.#accounts.delete(id);
    this.#accounts.set(id, account);
    const [oldest] = this.#accounts.keys();
    if (this.#accounts.size > MAX_APPS && oldest !== undefined) this.#accounts.delete(oldest);
    return account;
  }
}
