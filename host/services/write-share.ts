import { BulkheadError, ErrorCode } from '@bulkhead/proto';

export interface WriteShareOptions {
  /** What one plugin has in the store's queue, in bytes; a larger write goes alone. */
  readonly maxBytes: number;
  /** What else of it waits, in bytes; beyond it is refused. */
  readonly maxWaitingBytes: number;
}

/** What a write is besides its bytes; it bounds the number of small ones too. */
const WRITE_BYTES = 2_048;
const RETRY_MS = 200;

interface Line {
  /** In the store's queue. */
  writing: number;
  /** In this one. */
  waitingBytes: number;
  waiting: { readonly bytes: number; readonly go: () => void }[];
}

/**
 * Lets a plugin's writes into the store's queue, which all share and which is full at some point: one plugin fills a part of it
 * at most, and what it writes beyond that waits here, in order.
 */
export class WriteShare {
  readonly #options: WriteShareOptions;
  readonly #lines = new Map<string, Line>();

  constructor(options: WriteShareOptions) {
    this.#options = options;
  }

  /** Does `write` when there is room for it. @throws BulkheadError RATE_LIMITED when too much of the plugin waits */
  async enter<T>(plugin: string, bytes: number, write: () => Promise<T>): Promise<T> {
    const size = bytes + WRITE_BYTES;
    const line = this.#lines.get(plugin) ?? { writing: 0, waitingBytes: 0, waiting: [] };
    this.#lines.set(plugin, line);
    if (line.waiting.length > 0 || !this.#fits(line, size)) {
      if (line.waitingBytes + size > this.#options.maxWaitingBytes) throw tooMuch(plugin, line);
      line.waitingBytes += size;
      await new Promise<void>((go) => line.waiting.push({ bytes: size, go }));
    } else {
      line.writing += size;
    }
    try {
      return await write();
    } finally {
      line.writing -= size;
      this.#letIn(line);
      if (line.writing === 0) this.#lines.delete(plugin);
    }
  }

  #fits({ writing }: Line, size: number): boolean {
    return writing === 0 || writing + size <= this.#options.maxBytes;
  }

  #letIn(line: Line): void {
    for (;;) {
      const [next] = line.waiting;
      if (next === undefined || !this.#fits(line, next.bytes)) return;
      line.waiting.shift();
      line.waitingBytes -= next.bytes;
      line.writing += next.bytes;
      next.go();
    }
  }
}

function tooMuch(plugin: string, { writing, waitingBytes }: Line): BulkheadError {
  return new BulkheadError(
    ErrorCode.RATE_LIMITED,
    `writes of plugin '${plugin}' of ${String(writing + waitingBytes)} bytes are under way; wait for their answers`,
    { retryable: true, retryAfterMs: RETRY_MS },
  );
}
