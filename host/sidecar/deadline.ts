import type { Clock } from '../clock.js';

/** What came of waiting: the value, or that the time was over first. */
export type Waited<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'timeout' };

/** Waits for a promise, at most `timeoutMs`. The promise's own rejection passes through. */
export function waitAtMost<T>(clock: Clock, promise: Promise<T>, timeoutMs: number): Promise<Waited<T>> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => {
      resolve({ kind: 'timeout' });
    });
    promise.then(
      (value) => {
        cancel();
        resolve({ kind: 'value', value });
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
