import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** Waits for the start, or gives it up; closing then ends what it began. */
export async function unlessAborted(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  const cancelled = (): BulkheadError => new BulkheadError(ErrorCode.CANCELLED, 'The start was given up.');
  if (signal.aborted) throw cancelled();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(cancelled());
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // When it was given up, its own failure is nobody's concern any more.
    work.catch(() => undefined);
  }
}
