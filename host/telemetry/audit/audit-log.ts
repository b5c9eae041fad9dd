import type { Compilable, Kysely, QueryResult, Transaction } from 'kysely';
import type { Clock } from '../../clock.js';
import type { Database } from '../../store/database.js';
import type { Store } from '../../store/store.js';
import { endAfter, type TransactionEnd } from '../../store/transaction-ends.js';
import type { AuditContent } from '../../store/tables/audit.js';
import { HOST_ACTOR, type Audit, type AuditEntry } from '../audit.js';
import type { Logger } from '../logger.js';
import { ChainCare } from './chain-care.js';
import { ChainLoop, MAX_WAITING_NOTES } from './chain-loop.js';
import { ChainWriter } from './chain-writer.js';
import { contentOf } from './chain.js';
import { readHeadFile } from './head-file.js';
import { HeadNote } from './head-note.js';
import type { HostKey } from './host-key.js';

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
  /** As `settled`, and chains what commands beside this host have committed. */
  caughtUp(): Promise<void>;
  /** Writes what waits. Bounded; never rejects. */
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 5_000;

/** Writes the host's chain: entries of changes inside their transactions where the chain is free, the rest in batches. */
export function createAuditLog(options: AuditLogOptions): AuditLog {
  return new Log(options);
}

class Log implements AuditLog {
  readonly #options: AuditLogOptions;
  readonly #writer: ChainWriter;
  readonly #loop: ChainLoop;
  readonly #care: ChainCare;
  readonly #headNote: HeadNote;
  #stopping: Promise<void> | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#writer = new ChainWriter(options.store, options.key);
    this.#headNote = new HeadNote({ ...options, head: () => this.#writer.head });
    this.#loop = new ChainLoop({
      ...options,
      writer: this.#writer,
      leftOut: (count) => this.#contentOf(leftOut(count)),
      onWritten: () => this.#headNote.keep(),
    });
    this.#care = new ChainCare({
      ...options,
      note: (entry) => {
        this.note(entry);
      },
      run: () => {
        this.#loop.run();
      },
    });
  }

  async start(): Promise<void> {
    const noted = readHeadFile(this.#options.dataDir);
    await this.caughtUp();
    this.#care.compare(this.#writer.head, noted);
    await this.#care.start();
  }

  note(entry: AuditEntry): void {
    this.#loop.note(this.#contentOf(entry));
  }

  async write(trx: Transaction<Database>, entry: AuditEntry): Promise<void> {
    const { store, clock } = this.#options;
    const content = this.#contentOf(entry);
    if (await this.#writer.appendIn(trx, content, clock.now())) return;
    store.onEnd(trx, this.#onPending);
    await this.#pend(trx, content).execute();
  }

  async batch(
    store: Pick<Store, 'batch'>,
    queries: readonly Compilable[],
    entry: AuditEntry,
  ): Promise<readonly QueryResult<unknown>[]> {
    const content = this.#contentOf(entry);
    const link = this.#writer.link(content, this.#options.clock.now());
    let end: TransactionEnd = 'committed';
    try {
      const own = link?.queries ?? [this.#pend(this.#options.store.db, content)];
      return (await store.batch([...queries, ...own])).slice(0, queries.length);
    } catch (error) {
      end = endAfter(error);
      throw error;
    } finally {
      if (link === undefined) this.#onPending(end);
      else link.end(end);
    }
  }

  async settled(): Promise<void> {
    await this.#loop.settled();
    // What was chained with its change has not passed the loop. Nobody waits for a file that may lag.
    void this.#headNote.keep();
  }

  caughtUp(): Promise<void> {
    this.#loop.changed();
    return this.settled();
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    this.#care.stop();
    const { clock, log } = this.#options;
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
    this.#loop.stop();
    if (!ended)
      log.error(
        { notes: this.#loop.waitingNotes },
        'audit entries that changed nothing could not be written',
      );
    await this.#headNote.write();
  }

  readonly #onPending = (end: TransactionEnd): void => {
    if (end !== 'undone') this.#loop.changed();
  };

  #pend(db: Kysely<Database>, content: AuditContent) {
    return db.insertInto('audit_pending').values({ host: this.#options.key.hostId, ...content });
  }

  #contentOf(entry: AuditEntry): AuditContent {
    return contentOf(entry, this.#options.clock.now(), this.#options.redact);
  }
}

function leftOut(count: number): AuditEntry {
  return {
    actor: HOST_ACTOR,
    action: 'audit.left_out',
    outcome: 'error',
    reason: `more happened than ${MAX_WAITING_NOTES} waiting entries hold; ${count} were left out`,
    details: { count },
  };
}
