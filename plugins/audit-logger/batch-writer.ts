/** Where batches go; rejects when one could not be written. */
export interface Sink {
  append(batch: Buffer): Promise<void>;
  close(): Promise<void>;
}

export interface BatchWriterOptions {
  readonly maxLines: number;
  readonly maxWaitMs: number;
  readonly maxQueueBytes: number;
  /** The line that tells of lost ones, for the first batch that can be written again. */
  readonly lossLine: (dropped: number) => string;
  /** Called when writing begins to fail, and when it works again. */
  readonly onChange: (failure: string | undefined) => void;
}

export interface WriterStatus {
  /** Lines that were lost since the start. */
  readonly dropped: number;
  /** Why the last batch could not be written; undefined when it was. */
  readonly failure: string | undefined;
}

/**
 * Gathers lines and writes them in batches, one at a time. Nobody waits for it: what the sink refuses or the queue cannot
 * hold is dropped and counted, and the log says how many as soon as it can.
 */
export class BatchWriter {
  readonly #sink: Sink;
  readonly #options: BatchWriterOptions;
  #lines: string[] = [];
  #bytes = 0;
  #dropped = 0;
  /** Lost lines that the log does not tell of yet. */
  #untold = 0;
  #failure: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(sink: Sink, options: BatchWriterOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  get status(): WriterStatus {
    return { dropped: this.#dropped, failure: this.#failure };
  }

  /** @param line with its line break */
  add(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#bytes + bytes > this.#options.maxQueueBytes) {
      this.#drop(1);
      return;
    }
    this.#lines.push(line);
    this.#bytes += bytes;
    if (this.#lines.length >= this.#options.maxLines) void this.#write();
    else this.#timer ??= setTimeout(() => void this.#write(), this.#options.maxWaitMs);
  }

  /** Writes what is there and settles when it is written or dropped. Never rejects. */
  async flush(): Promise<void> {
    await this.#writing;
    while (this.#lines.length > 0) await this.#write();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#sink.close();
  }

  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeBatch().finally(() => {
      this.#writing = undefined;
      if (this.#lines.length >= this.#options.maxLines) void this.#write();
      else if (this.#lines.length > 0)
        this.#timer ??= setTimeout(() => void this.#write(), this.#options.maxWaitMs);
    });
    return this.#writing;
  }

  async #writeBatch(): Promise<void> {
    const lines = this.#lines;
    const told = this.#untold;
    this.#lines = [];
    this.#bytes = 0;
    const loss = told === 0 ? '' : this.#options.lossLine(told);
    try {
      await this.#sink.append(Buffer.from(loss + lines.join('')));
      this.#untold -= told;
      this.#setFailure(undefined);
    } catch (error) {
      this.#drop(lines.length);
      this.#setFailure(error instanceof Error ? error.message : String(error));
    }
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#untold += lines;
  }

  #setFailure(failure: string | undefined): void {
    const changed = (failure === undefined) !== (this.#failure === undefined);
    this.#failure = failure;
    if (changed) this.#options.onChange(failure);
  }
}
