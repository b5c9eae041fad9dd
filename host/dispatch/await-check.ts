import type { Clock } from '../clock.js';
import type { HookCall } from './hook-call.js';

/**
 * Waits until a payload is checked, and no longer than anybody waits for the call.
 *
 * @throws BulkheadError INVALID_PAYLOAD, RATE_LIMITED, CANCELLED, DEADLINE_EXCEEDED
 */
export async function awaitCheck(call: HookCall, checked: Promise<void>, clock: Clock): Promise<void> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const leftMs = call.timeLeft(Infinity);
  const cancelTimer =
    leftMs === Infinity
      ? undefined
      : clock.after(Math.max(0, leftMs), () => {
          reject(call.expired());
        });
  const onAbort = (): void => {
    reject(call.cancelled());
  };
  call.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (call.signal?.aborted === true) onAbort();
    await Promise.race([givenUp, checked]);
  } finally {
    cancelTimer?.();
    call.signal?.removeEventListener('abort', onAbort);
  }
}
