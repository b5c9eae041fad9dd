import type { RuntimeClock } from './clock.js';

/** Counts the calls being handled, and waits until there are none. */
export class InFlight {
  readonly #onLeave: () => void;
  #count = 0;
  #waiting: (() => void)[] = [];

  /** @param onLeave runs within each call as it ends */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    this.#onLeave();
    this.#count -= 1;
    if (this.#count > 0 || this.#waiting.length === 0) return;
    for (const done of this.#waiting.splice(0)) done();
  }

  /** True when every call ended within `timeoutMs`. */
  drained(timeoutMs: number, clock: RuntimeClock): Promise<boolean> {
    if (this.#count === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, () => {
        resolve(false);
      });
      this.#waiting.push(() => {
        cancel();
        resolve(true);
      });
    });
  }
}

/** Settles as `work` does, or with `late()` after `timeoutMs`. What `work` does afterwards no longer matters. */
export function within<Value>(
  work: Promise<Value>,
  timeoutMs: number,
  clock: RuntimeClock,
  late: () => Value,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => {
      try {
        resolve(late());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    work.then(resolve, reject).finally(cancel);
  });
}
