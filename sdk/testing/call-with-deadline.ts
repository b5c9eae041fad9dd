import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { IncomingCall } from '../runtime/incoming.js';

export interface CallLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly traceparent: string | undefined;
}

/**
 * Runs one call under a deadline and a caller's signal, as the host does: at either the handler's own signal fires and the
 * call fails.
 *
 * @throws BulkheadError DEADLINE_EXCEEDED, CANCELLED, or what the call fails with
 */
export function callWithDeadline<Value>(
  run: (incoming: IncomingCall) => Value | Promise<Value>,
  limits: CallLimits,
): Promise<Value> {
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const fail = (code: ErrorCode, message: string): void => {
      reject(new BulkheadError(code, message));
      controller.abort();
    };
    const timer = setTimeout(() => {
      fail(ErrorCode.DEADLINE_EXCEEDED, `no answer within ${limits.timeoutMs} ms`);
    }, limits.timeoutMs);
    const onAbort = (): void => {
      fail(ErrorCode.CANCELLED, 'the caller no longer needs the answer');
    };
    if (limits.signal?.aborted === true) onAbort();
    limits.signal?.addEventListener('abort', onAbort, { once: true });
    const work = async (): Promise<Value> =>
      run({ timeoutMs: limits.timeoutMs, traceparent: limits.traceparent ?? '', signal: controller.signal });
    work()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        limits.signal?.removeEventListener('abort', onAbort);
      });
  });
}
