import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** Why a process is not there. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** The last lines that the process logged, oldest first, at most 50. */
  readonly lastLines: readonly string[];
}

/**
 * What a process position is doing. One configured plugin has `instances` of them.
 * Times are milliseconds of the monotonic clock.
 */
export type InstanceState =
  /** Entered when it is configured. Left by a start. */
  | { readonly kind: 'installed' }
  /** Entered by a start, by each retry, and by each half-open try (`halfOpen`). Left to ready, failed, quarantined or stopped. */
  | { readonly kind: 'starting'; readonly sinceMs: number; readonly halfOpen: boolean }
  /** Entered when the process answered Initialize. Left when it is lost (failed, quarantined) or no longer wanted (draining). */
  | { readonly kind: 'ready'; readonly sinceMs: number; readonly pid: number; readonly startMs: number }
  /** Entered when a stop or a reload takes it out of rotation. Left to stopped when its calls have ended and the process is gone. */
  | { readonly kind: 'draining'; readonly reason: string; readonly pid: number }
  /** Entered when the process ended because the host wanted it. Final: a new start makes a new position. */
  | { readonly kind: 'stopped'; readonly reason: string }
  /** Entered when a start fails or the process is lost. Left to starting after the delay; never, when the failure is permanent. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly retryInMs: number | 'never' }
  /** Entered after a crash loop. Left to starting (half-open) after the delay, or by an operator's reload or enable. */
  | { readonly kind: 'quarantined'; readonly failure: Failure; readonly retryInMs: number };

/** How a ready process feels; a value beside the state. */
export type Health =
  | { readonly kind: 'healthy' }
  /** It says that it is not at its best. Serves on. */
  | { readonly kind: 'degraded'; readonly message: string }
  /** It asks for no calls. Out of rotation until it reports better. */
  | { readonly kind: 'unhealthy'; readonly message: string }
  /** It did not answer the last checks. Serves only while no other process does. */
  | { readonly kind: 'unresponsive'; readonly misses: number };

const PERMANENT: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.PROTOCOL_INCOMPATIBLE,
  ErrorCode.REGISTRATION_MISMATCH,
  ErrorCode.INCOMPATIBLE,
  ErrorCode.MANIFEST_INVALID,
  ErrorCode.GRANT_MISSING,
  // What does not verify stays so until an operator mends it.
  ErrorCode.LOCK_INVALID,
  ErrorCode.LOCK_MISMATCH,
  ErrorCode.NOT_LOCKED,
  ErrorCode.MANIFEST_MISMATCH,
  ErrorCode.ENTRY_REFUSED,
  ErrorCode.FILE_LINK_REFUSED,
  ErrorCode.FILE_CHANGED,
  ErrorCode.FILE_ADDED,
  ErrorCode.FILE_MISSING,
  ErrorCode.FOREIGN_OWNER,
  ErrorCode.WRITABLE_BY_OTHERS,
]);

/** Whether trying again without a change is pointless. */
export function isPermanent(failure: Failure): boolean {
  return PERMANENT.has(failure.code);
}

/** Whether the position has no process because one failed. */
export function isBroken(state: InstanceState): boolean {
  return state.kind === 'failed' || state.kind === 'quarantined';
}

const MAX_LAST_LINES = 50;

/** A start that was refused, as the reason of a state. */
export function failureOf(thrown: unknown): Failure {
  const error = BulkheadError.from(thrown);
  const lines = error.details['lastLines'];
  return {
    code: error.code,
    message: error.message,
    lastLines: Array.isArray(lines) ? lines.slice(-MAX_LAST_LINES).map(String) : [],
  };
}

/** The most telling state of several: what serves before what is coming, before what is broken. */
export function mostTelling(states: readonly InstanceState[]): InstanceState {
  for (const kind of ['ready', 'starting', 'quarantined', 'failed', 'draining', 'stopped'] as const) {
    const found = states.find((state) => state.kind === kind);
    if (found !== undefined) return found;
  }
  return { kind: 'installed' };
}
