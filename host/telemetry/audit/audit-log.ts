import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Transaction } from 'kysely';
import type { Clock } from '../../clock.js';
import type { Database } from '../../store/database.js';
import type { Store } from '../../store/store.js';
import type { AuditContent } from '../../store/tables/audit.js';
import { HOST_ACTOR, type Audit, type AuditEntry } from '../audit.js';
import type { Logger } from '../logger.js';
import { ChainWriter, MAX_BATCH_ENTRIES } from './chain-writer.js';
import { contentOf, HEADS_ACTION, type ChainPlace } from './chain.js';
import { readHeadFile, writeHeadFile } from './head-file.js';
import type { HostKey } from './host-key.js';
import { readOtherHeads } from './other-heads.js';
import { pruneChain } from './prune.js';
import { Sweeps } from './sweeps.js';
import { TakeOver } from './take-over.js';

export interface AuditLogOptions {
  readonly store: Store;
  readonly key: HostKey;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Older entries go, behind a signed checkpoint. Default: all are kept. */
  readonly keepDays?: number;
  /** Takes secrets out of texts. Default: the text as it is. */
  readonly redact?: (text: string) => string;
}

/** The audit log of one host, while it is written. */
export interface AuditLog extends Audit {
  /** Chains what a killed process left. */
  start(): Promise<void>;
  /** Writes what waits. Bounded; never rejects. */
  stop(): Promise<void>;
}

/** Notes that wait to be written; further ones are counted. */
const MAX_WAITING_NOTES = 10_000;
/** What happened within this time is written at once. */
const BATCH_DELAY_MS = 50;
/** How long a change waits for its entry. */
const SETTLE_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** How often it is looked for what other writers left, for other hosts' heads and for what is old. */
const SWEEP_MS = 10_000;
const HEADS_MS = 300_000;
const PRUNE_MS = 3_600_000;
const HEAD_FILE_MS = 1_000;
const DAY_MS = 86_400_000;

interface Waiter {
  /** The number of the last note that must stand in the chain. */
  readonly upTo: number;
  readonly resolve: () => void;
}

/** Writes the host's chain in batches, from one loop that runs while there is something to write. */
export function createAuditLog(options: AuditLogOptions): AuditLog {
  return new Log(options);
}

class Log implements AuditLog {
  readonly #options: AuditLogOptions;
  readonly #writer: ChainWriter;
  readonly #takeOver: TakeOver;
  readonly #sweeps: Sweeps;
  #notes: AuditContent[] = [];
  /** Notes taken in, and notes that stand in the chain. */
  #noted = 0;
  #written = 0;
  #leftOut = 0;
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #woken: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;
  #stopping: Promise<void> | undefined;
  #headFileMs = -Infinity;
  #lastHeads = '';

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#writer = new ChainWriter(options.store, options.key);
    this.#takeOver = new TakeOver(options.store, options.key.hostId, options.clock);
    this.#sweeps = new Sweeps(options.clock, (error) => {
      options.log.error({ err: error }, 'the audit log could not be looked after; tried again later');
    });
  }

  async start(): Promise<void> {
    const noted = readHeadFile(this.#options.dataDir);
    await this.settled();
    if (noted !== undefined) this.#compareWithHeadFile(noted);
    this.#sweeps.every(SWEEP_MS, () => this.#sweep());
    this.#sweeps.every(HEADS_MS, () => this.#noteOtherHeads());
    this.#sweeps.every(PRUNE_MS, () => this.#prune());
    await this.#noteOtherHeads();
    await this.#prune();
  }

  note(entry: AuditEntry): void {
    if (this.#notes.length >= MAX_WAITING_NOTES) {
      this.#leftOut += 1;
      return;
    }
    this.#push(entry);
    if (this.#notes.length >= MAX_BATCH_ENTRIES) this.#run();
    else this.#soon();
  }

  async write(trx: Transaction<Database>, entry: AuditEntry): Promise<void> {
    await trx
      .insertInto('audit_pending')
      .values({ host: this.#options.key.hostId, ...this.#contentOf(entry) })
      .execute();
    this.#soon();
  }

  settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        upTo: this.#noted,
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
      this.#run();
    });
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    this.#sweeps.stop();
    const { clock, log, dataDir } = this.#options;
    const late = new Promise<false>((resolve) => {
      clock.after(STOP_TIMEOUT_MS, () => {
        resolve(false);
      });
    });
    const written = this.settled().then(
      () => true,
      () => false,
    );
    const ended = await Promise.race([written, late]);
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#woken?.();
    if (!ended)
      log.error({ notes: this.#notes.length }, 'audit entries that changed nothing could not be written');
    const { head } = this.#writer;
    if (head !== undefined) await writeHeadFile(dataDir, head).catch(() => undefined);
  }

  #contentOf(entry: AuditEntry): AuditContent {
    return contentOf(entry, this.#options.clock.now(), this.#options.redact);
  }

  #push(entry: AuditEntry): void {
    this.#noted += 1;
    this.#notes.push(this.#contentOf(entry));
  }

  #soon(): void {
    if (this.#running !== undefined || this.#cancelTimer !== undefined || this.#stopped) return;
    this.#cancelTimer = this.#options.clock.after(BATCH_DELAY_MS, () => {
      this.#run();
    });
  }

  #run(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#stopped) return;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
      if (this.#waiters.length > 0 || this.#notes.length >= MAX_BATCH_ENTRIES) this.#run();
      else if (this.#notes.length > 0) this.#soon();
    });
  }

  /** Writes until everything that was there at its begin is written. */
  async #loop(): Promise<void> {
    const { clock, log } = this.#options;
    const waiters = this.#waiters.splice(0);
    let retryMs = RETRY_MIN_MS;
    for (;;) {
      if (this.#leftOut > 0 && this.#notes.length < MAX_WAITING_NOTES) this.#sayLeftOut();
      try {
        const { changes, notes } = await this.#writer.append(this.#notes, clock.now());
        this.#notes.splice(0, notes);
        this.#written += notes;
        retryMs = RETRY_MIN_MS;
        await this.#keepHeadFile();
        const upTo = waiters.reduce((most, waiter) => Math.max(most, waiter.upTo), 0);
        if (changes < MAX_BATCH_ENTRIES && this.#written >= upTo) break;
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
    for (const { resolve } of waiters) resolve();
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
    this.#push({
      actor: HOST_ACTOR,
      action: 'audit.left_out',
      outcome: 'error',
      reason: `more happened than ${MAX_WAITING_NOTES} waiting entries hold; ${count} were left out`,
      details: { count },
    });
  }

  async #keepHeadFile(): Promise<void> {
    const { clock, dataDir, log } = this.#options;
    const { head } = this.#writer;
    if (head === undefined || clock.monotonic() - this.#headFileMs < HEAD_FILE_MS) return;
    this.#headFileMs = clock.monotonic();
    await writeHeadFile(dataDir, head).catch((error: unknown) => {
      log.warn({ err: error }, 'the head of the audit log could not be noted beside the data');
    });
  }

  /** A chain that is shorter than it was is told in the chain itself; the file's note goes with the next write. */
  #compareWithHeadFile(noted: ChainPlace): void {
    const { log } = this.#options;
    const { head } = this.#writer;
    if (head === undefined || noted.seq <= head.seq) return;
    const reason = `the chain ends at entry ${head.seq}; this host had written up to ${noted.seq}`;
    log.error({ ...noted }, `the audit log has lost its end: ${reason}`);
    this.note({
      actor: HOST_ACTOR,
      action: 'audit.end_missing',
      outcome: 'error',
      code: ErrorCode.AUDIT_BROKEN,
      reason,
      details: { seq: noted.seq, hash: noted.hash },
    });
  }

  /** What a command of this data directory left, and what hosts left that are gone. */
  async #sweep(): Promise<void> {
    this.#run();
    for (const { host, count } of await this.#takeOver.look()) {
      this.note({
        actor: HOST_ACTOR,
        action: 'audit.taken_over',
        outcome: 'allowed',
        reason: 'that host did not take them into its own chain',
        details: { host, count },
      });
      this.#run();
    }
  }

  async #noteOtherHeads(): Promise<void> {
    const heads = await readOtherHeads(this.#options.store, this.#options.key.hostId);
    const text = JSON.stringify(heads);
    if (heads.length === 0 || text === this.#lastHeads) return;
    this.#lastHeads = text;
    this.note({ actor: HOST_ACTOR, action: HEADS_ACTION, outcome: 'allowed', details: { heads } });
  }

  async #prune(): Promise<void> {
    const { store, key, clock, keepDays } = this.#options;
    if (keepDays === undefined) return;
    const pruned = await pruneChain(store, key, clock.now() - keepDays * DAY_MS, clock.now());
    if (pruned === undefined) return;
    this.note({
      actor: HOST_ACTOR,
      action: 'audit.pruned',
      outcome: 'allowed',
      details: { up_to: pruned.seq, hash: pruned.hash, keep_days: keepDays },
    });
  }
}
