/** Calls on this host that wait for decisions, by approval. */
export class Waiters {
  readonly #byId = new Map<string, Set<() => void>>();

  /** Runs `wake` once when that approval was decided. @returns stops waiting */
  add(id: string, wake: () => void): () => void {
    const waiting = this.#byId.get(id) ?? new Set();
    this.#byId.set(id, waiting);
    waiting.add(wake);
    return () => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.#byId.get(id) === waiting) this.#byId.delete(id);
    };
  }

  wake(id: string): void {
    for (const wake of new Set(this.#byId.get(id))) wake();
  }

  wakeAll(): void {
    for (const id of new Set(this.#byId.keys())) this.wake(id);
  }
}
