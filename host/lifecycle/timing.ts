import type { Clock } from '../clock.js';

/** Resolves after `delayMs`, or as soon as the signal aborts. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

export const TIMED_OUT = Symbol('timed out');

/** The promise's value, or `TIMED_OUT` after `limitMs`; the promise itself goes on. */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  promise: Promise<T>,
): Promise<T | typeof TIMED_OUT> {
  let cancel: () => void = () => undefined;
  const late = new Promise<typeof TIMED_OUT>((resolve) => {
    cancel = clock.after(limitMs, () => {
      resolve(TIMED_OUT);
    });
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
