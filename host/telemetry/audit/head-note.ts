import type { Clock } from '../../clock.js';
import type { Logger } from '../logger.js';
import type { ChainPlace } from './chain.js';
import { writeHeadFile } from './head-file.js';

const INTERVAL_MS = 1_000;

export interface HeadNoteOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the chain stands, as far as it is known. */
  readonly head: () => ChainPlace | undefined;
}

/** Notes beside the data where the chain stands, at most once a second. */
export class HeadNote {
  readonly #options: HeadNoteOptions;
  #writtenMs = -Infinity;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: HeadNoteOptions) {
    this.#options = options;
  }

  /** To be called whenever the chain may have moved. Never rejects. */
  keep(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#writtenMs < INTERVAL_MS) return Promise.resolve();
    this.#writtenMs = clock.monotonic();
    return this.write();
  }

  /** Writes it now. Never rejects. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { dataDir, log, head } = this.#options;
    const place = head();
    if (place === undefined) return;
    await writeHeadFile(dataDir, place).catch((error: unknown) => {
      log.warn({ err: error }, 'the head of the audit log could not be noted beside the data');
    });
  }
}
