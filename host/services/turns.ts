import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** When there may be room again, in milliseconds. */
const RETRY_MS = 1_000;

/** Work that is dear for whoever shares the store: one plugin has one of it under way, the rest of its calls wait in line. */
export class Turns {
  readonly #maxWaiting: number;
  readonly #lines = new Map<string, { tail: Promise<unknown>; length: number }>();

  /** @param maxWaiting of one plugin, the one under way included */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Does `work` when what this plugin asked for before is done.
   *
   * @param signal nobody waits for the answer any more: work that has not begun does not begin
   * @throws BulkheadError RATE_LIMITED when too much of the plugin waits already, CANCELLED
   */
  async take<T>(plugin: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(plugin) ?? { tail: Promise.resolve(), length: 0 };
    if (line.length >= this.#maxWaiting) {
      throw new BulkheadError(
        ErrorCode.RATE_LIMITED,
        `${String(line.length)} such calls of ${plugin} are under way; they are answered one after another`,
        { retryable: true, retryAfterMs: RETRY_MS },
      );
    }
    this.#lines.set(plugin, line);
    line.length += 1;
    const turn = line.tail.then(() => {
      if (signal.aborted) throw new BulkheadError(ErrorCode.CANCELLED, 'nobody waits for the answer');
      return work();
    });
    line.tail = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      line.length -= 1;
      if (line.length === 0) this.#lines.delete(plugin);
    }
  }
}
