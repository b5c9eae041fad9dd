import type { Clock } from '../../clock.js';

/** Work that comes round, each turn after the last one's end. */
export class Sweeps {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #cancels = new Set<() => void>();
  #stopped = false;

  /** @param onError what failed is tried again at its next turn */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  every(ms: number, work: () => void | Promise<void>): void {
    if (this.#stopped) return;
    const cancel = this.#clock.after(ms, () => {
      this.#cancels.delete(cancel);
      Promise.resolve(work())
        .catch(this.#onError)
        .finally(() => {
          this.every(ms, work);
        });
    });
    this.#cancels.add(cancel);
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
