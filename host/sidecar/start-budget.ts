import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';

/** The time that a start may take. */
export interface StartBudget {
  /** Rejects when the start has taken too long or is no longer wanted. */
  readonly over: Promise<never>;
  close(): void;
}

/** @param timedOut what to reject with when the time is over */
export function startBudget(
  clock: Clock,
  startTimeoutMs: number,
  signal: AbortSignal | undefined,
  timedOut: () => BulkheadError,
): StartBudget {
  let close = (): void => {};
  const over = new Promise<never>((_resolve, reject) => {
    const cancelTimer = clock.after(startTimeoutMs, () => {
      reject(timedOut());
    });
    const onAbort = (): void => {
      reject(startCancelled());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    close = () => {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    };
  });
  return {
    over,
    close: () => {
      close();
    },
  };
}

export function startCancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'the start is no longer wanted');
}
