import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { AuditContent } from '../../store/tables/audit.js';
import type { Logger } from '../logger.js';
import { MAX_BATCH_ENTRIES, type ChainWriter } from './chain-writer.js';

/** Notes that wait to be written; further ones are counted. */
export const MAX_WAITING_NOTES = 10_000;
/** What happened within this time is written at once. */
const BATCH_DELAY_MS = 50;
/** How long a change waits for its entry. */
const SETTLE_TIMEOUT_MS = 10_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

/** How much has come in, or stands in the chain. */
interface Count {
  readonly notes: number;
  readonly changes: number;
}

interface Waiter {
  /** Everything up to here must stand in the chain. */
  readonly upTo: Count;
  readonly resolve: () => void;
}

export interface ChainLoopOptions {
  readonly writer: ChainWriter;
  readonly clock: Clock;
  readonly log: Logger;
  /** The entry that tells of notes which found no room. */
  readonly leftOut: (count: number) => AuditContent;
  /** Something was written. Never rejects. */
  readonly onWritten: () => Promise<void>;
}

/** Moves what waits into the chain in batches, by one loop that runs while there is something to write. */
export class ChainLoop {
  readonly #options: ChainLoopOptions;
  #notes: AuditContent[] = [];
  #taken: Count = { notes: 0, changes: 0 };
  #written: Count = { notes: 0, changes: 0 };
  #leftOut = 0;
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #woken: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: ChainLoopOptions) {
    this.#options = options;
  }

  /** Entries that wait here; what was committed with changes waits in the store. */
  get waitingNotes(): number {
    return this.#notes.length;
  }

  note(content: AuditContent): void {
    if (this.#notes.length >= MAX_WAITING_NOTES) {
      this.#leftOut += 1;
      return;
    }
    this.#push(content);
    if (this.#notes.length >= MAX_BATCH_ENTRIES) this.run();
    else this.#soon();
  }

  /** An entry may have been committed that waits in the store. */
  changed(): void {
    this.#taken = { ...this.#taken, changes: this.#taken.changes + 1 };
    this.#soon();
  }

  /** Looks now for what waits, also for what another process left in the store. */
  run(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#stopped) return;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
      if (this.#waiters.length > 0 || this.#notes.length >= MAX_BATCH_ENTRIES) this.run();
      else if (this.#notes.length > 0) this.#soon();
    });
  }

  /** Resolves when everything stands in the chain that came in so far. @throws STORE_UNAVAILABLE when that takes too long */
  settled(): Promise<void> {
    if (this.#leftOut === 0 && this.#isWritten(this.#taken)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        upTo: this.#taken,
        resolve: () => {
          cancel();
          resolve();
        },
      };
      const cancel = this.#options.clock.after(SETTLE_TIMEOUT_MS, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(
          new BulkheadError(
            ErrorCode.STORE_UNAVAILABLE,
            'the change is made, and its audit entry waits in the store: it could not be chained in time',
            { retryable: true },
          ),
        );
      });
      this.#waiters.push(waiter);
      this.run();
    });
  }

  /** Writes nothing more, and lets nobody wait. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#woken?.();
  }

  #push(content: AuditContent): void {
    this.#taken = { ...this.#taken, notes: this.#taken.notes + 1 };
    this.#notes.push(content);
  }

  #isWritten({ notes, changes }: Count): boolean {
    return this.#written.notes >= notes && this.#written.changes >= changes;
  }

  #soon(): void {
    if (this.#running !== undefined || this.#cancelTimer !== undefined || this.#stopped) return;
    this.#cancelTimer = this.#options.clock.after(BATCH_DELAY_MS, () => {
      this.run();
    });
  }

  /** Writes until everything that was there at its begin is written, and nobody waits. */
  async #loop(): Promise<void> {
    const { writer, clock, log, onWritten } = this.#options;
    let retryMs = RETRY_MIN_MS;
    for (;;) {
      if (this.#leftOut > 0 && this.#notes.length < MAX_WAITING_NOTES) this.#sayLeftOut();
      // What is committed while it is written is seen by the next write.
      const { changes: committed } = this.#taken;
      try {
        const { changes, notes } = await writer.append(this.#notes, clock.now());
        this.#notes.splice(0, notes);
        const all = changes < MAX_BATCH_ENTRIES;
        this.#written = {
          notes: this.#written.notes + notes,
          changes: all ? committed : this.#written.changes,
        };
        retryMs = RETRY_MIN_MS;
        await onWritten();
        this.#release((waiter) => this.#isWritten(waiter.upTo));
        if (all && this.#waiters.length === 0) break;
      } catch (error) {
        log.error(
          { err: error },
          `audit entries wait: the store did not take them; tried again in ${retryMs} ms`,
        );
        await this.#pause(retryMs);
        if (this.#stopped) break;
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
    }
    if (this.#stopped) this.#release(() => true);
  }

  #release(isDone: (waiter: Waiter) => boolean): void {
    const done = this.#waiters.filter(isDone);
    if (done.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !isDone(waiter));
    for (const { resolve } of done) resolve();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#woken = () => {
        cancel();
        resolve();
      };
    });
  }

  #sayLeftOut(): void {
    const count = this.#leftOut;
    this.#leftOut = 0;
    this.#push(this.#options.leftOut(count));
  }
}
