import { weight } from './encode-frame.js';
import type { LinkCall } from './frame.js';

/** Calls for which the other side has no place yet, oldest first. Their bytes count against the link's queue. */
export class HeldCalls {
  readonly #calls = new Map<number, LinkCall>();
  #bytes = 0;

  get empty(): boolean {
    return this.#calls.size === 0;
  }

  get size(): number {
    return this.#calls.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(id: number): boolean {
    return this.#calls.has(id);
  }

  add(call: LinkCall): void {
    this.#calls.set(call.id, call);
    this.#bytes += weight(call);
  }

  /** @returns whether it was here */
  remove(id: number): boolean {
    const call = this.#calls.get(id);
    if (call === undefined) return false;
    this.#calls.delete(id);
    this.#bytes -= weight(call);
    return true;
  }

  takeFirst(): LinkCall | undefined {
    for (const call of this.#calls.values()) {
      this.remove(call.id);
      return call;
    }
    return undefined;
  }

  clear(): void {
    this.#calls.clear();
    this.#bytes = 0;
  }
}
