import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Compilable, Transaction } from 'kysely';
import type { Database } from '../../store/database.js';
import type { AuditContent, AuditHeadsTable } from '../../store/tables/audit.js';
import type { Store } from '../../store/store.js';
import type { TransactionEnd } from '../../store/transaction-ends.js';
import { CHAIN_START, chained, signedText, type ChainEntry, type ChainPlace } from './chain.js';
import type { HostKey } from './host-key.js';

/** Entries of one write; hashing them takes well under a millisecond. */
export const MAX_BATCH_ENTRIES = 200;

/** How much of what one write took. */
export interface Appended {
  /** Committed with changes before. */
  readonly changes: number;
  readonly notes: number;
}

const NOTHING: Appended = { changes: 0, notes: 0 };

/** What a writer knows of its chain. */
type Known =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'at'; readonly place: ChainPlace }
  /** A write got no answer: the chain itself tells whether it was done. */
  | { readonly kind: 'unsure'; readonly place: ChainPlace; readonly wrote: Appended };

/** The chain, while one change has it to itself. */
interface Hold {
  /** Settles when the chain is free again. */
  readonly over: Promise<void>;
  /** After what was written so far. */
  place: ChainPlace;
  /** The chain did not stand where it was thought to: what comes is chained later. */
  moved: boolean;
  /** To be called once. */
  readonly end: (end: TransactionEnd) => void;
}

/** An entry to be chained with its change, in one batch. */
export interface Link {
  readonly queries: readonly Compilable[];
  /** Says what became of the batch. To be called once. */
  readonly end: (end: TransactionEnd) => void;
}

/**
 * Appends to one host's chain. A change takes its entry along into the chain where that is free, so that one commit
 * writes all of it. A change never waits for the chain: when somebody else writes it, or nobody knows where it stands, the
 * entry waits beside it, committed with its change, for `append`.
 */
export class ChainWriter {
  readonly #store: Store;
  readonly #key: HostKey;
  #known: Known = { kind: 'unknown' };
  #hold: Hold | undefined;
  readonly #held = new WeakMap<Transaction<Database>, Hold>();
  #appending = false;

  constructor(store: Store, key: HostKey) {
    this.#store = store;
    this.#key = key;
  }

  /** Where the chain stands, as far as it is known here. */
  get head(): ChainPlace | undefined {
    return this.#known.kind === 'at' ? this.#known.place : undefined;
  }

  /** @returns the queries that chain an entry; undefined when it has to wait. */
  link(content: AuditContent, nowMs: number): Link | undefined {
    const hold = this.#take();
    if (hold === undefined) return undefined;
    try {
      const entry = this.#next(hold, content);
      const { db } = this.#store;
      return {
        // Where the chain stands elsewhere, its key is taken, and the batch falls.
        queries: [db.insertInto('audit_log').values(entry), this.#moveHead(entry, nowMs)],
        end: hold.end,
      };
    } catch (error) {
      hold.end('undone');
      throw error;
    }
  }

  /**
   * Chains an entry in a transaction, which has the chain from then on until it ends.
   *
   * @returns false when it has to wait; then nothing is written
   * @throws AUDIT_BROKEN
   */
  async appendIn(trx: Transaction<Database>, content: AuditContent, nowMs: number): Promise<boolean> {
    const hold = this.#heldBy(trx);
    if (hold === undefined || hold.moved) return false;
    const before = hold.place;
    const entry = this.#next(hold, content);
    const head = this.#headAt(entry, nowMs);
    const { host: _host, ...moved } = head;
    const [wrote, movedOn] = await Promise.all([
      trx
        .insertInto('audit_log')
        .values(entry)
        .onConflict((conflict) => conflict.doNothing())
        .returning('seq')
        .executeTakeFirst(),
      trx
        .insertInto('audit_heads')
        .values(head)
        .onConflict((conflict) =>
          conflict
            .column('host')
            .doUpdateSet(moved)
            .where('audit_heads.seq', '=', before.seq)
            .where('audit_heads.hash', '=', before.hash),
        )
        .returning('host')
        .executeTakeFirst(),
    ]);
    if (wrote !== undefined && movedOn !== undefined) return true;
    // Somebody else writes this chain too, with a copy of the key, or has meddled with it.
    hold.moved = true;
    if (movedOn !== undefined) {
      throw new BulkheadError(
        ErrorCode.AUDIT_BROKEN,
        `the chain's head was entry ${before.seq}, and entry ${entry.seq} is there all the same; run 'bulkhead audit verify'`,
      );
    }
    if (wrote !== undefined)
      await trx
        .deleteFrom('audit_log')
        .where('host', '=', entry.host)
        .where('seq', '=', entry.seq)
        .where('hash', '=', entry.hash)
        .execute();
    return false;
  }

  /**
   * Appends what was committed with changes, and then of `notes` as many as one write takes; one call at a time. Rows of a
   * change leave their table in the same transaction in which they enter the chain, so that a kill loses none and doubles
   * none. Rows that another host took over meanwhile fail the write: the next one does not find them.
   */
  async append(notes: readonly AuditContent[], nowMs: number): Promise<Appended> {
    // From now on no change takes the chain.
    this.#appending = true;
    try {
      await this.#hold?.over;
      return await this.#append(notes, nowMs);
    } finally {
      this.#appending = false;
    }
  }

  async #append(notes: readonly AuditContent[], nowMs: number): Promise<Appended> {
    const { before, done } = await this.#findHead();
    if (done !== undefined) return done;
    const { db } = this.#store;
    const pending = await db
      .selectFrom('audit_pending')
      .selectAll()
      .where('host', '=', this.#key.hostId)
      .orderBy('id')
      .limit(MAX_BATCH_ENTRIES)
      .execute();
    const taken = notes.slice(0, MAX_BATCH_ENTRIES - pending.length);
    const changes = pending.map(({ id: _id, host: _host, ...content }) => content);
    const entries = this.#chain(before, [...changes, ...taken]);
    const last = entries.at(-1);
    if (last === undefined) return NOTHING;
    const wrote = { changes: pending.length, notes: taken.length };
    const ids = pending.map(({ id }) => id);
    this.#known = { kind: 'unsure', place: last, wrote };
    await this.#store.batch([
      ...this.#holdPending(ids),
      db.insertInto('audit_log').values(entries),
      this.#moveHead(last, nowMs, ids),
      ...(ids.length === 0 ? [] : [db.deleteFrom('audit_pending').where('id', 'in', ids)]),
    ]);
    this.#known = { kind: 'at', place: placeOf(last) };
    return wrote;
  }

  /** Takes the chain; undefined when it is not to be had. */
  #take(): Hold | undefined {
    const known = this.#known;
    if (this.#appending || this.#hold !== undefined || known.kind !== 'at') return undefined;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const hold: Hold = {
      over,
      place: known.place,
      moved: false,
      end: (end) => {
        if (end === 'unknown' || hold.moved) this.#known = { kind: 'unknown' };
        else if (end === 'committed') this.#known = { kind: 'at', place: hold.place };
        this.#hold = undefined;
        resolve();
      },
    };
    this.#hold = hold;
    return hold;
  }

  #heldBy(trx: Transaction<Database>): Hold | undefined {
    const held = this.#held.get(trx);
    if (held !== undefined) return held;
    const hold = this.#take();
    if (hold === undefined) return undefined;
    this.#held.set(trx, hold);
    try {
      this.#store.onEnd(trx, hold.end);
    } catch (error) {
      hold.end('undone');
      throw error;
    }
    return hold;
  }

  async #findHead(): Promise<{ readonly before: ChainPlace; readonly done?: Appended }> {
    const known = this.#known;
    if (known.kind === 'at') return { before: known.place };
    const row = await this.#store.db
      .selectFrom('audit_heads')
      .select(['seq', 'hash'])
      .where('host', '=', this.#key.hostId)
      .executeTakeFirst();
    const place = row ?? CHAIN_START;
    this.#known = { kind: 'at', place };
    return known.kind === 'unsure' && known.place.hash === place.hash
      ? { before: place, done: known.wrote }
      : { before: place };
  }

  #next(hold: Hold, content: AuditContent): ChainEntry {
    const entry = chained(this.#key.hostId, hold.place, content);
    hold.place = placeOf(entry);
    return entry;
  }

  #chain(before: ChainPlace, contents: readonly AuditContent[]): readonly ChainEntry[] {
    const entries: ChainEntry[] = [];
    for (const content of contents)
      entries.push(chained(this.#key.hostId, entries.at(-1) ?? before, content));
    return entries;
  }

  /** Who takes them over begins with the first too, so that one of the two waits for the other. */
  #holdPending([first]: readonly number[]): readonly Compilable[] {
    const host = this.#key.hostId;
    return first === undefined
      ? []
      : [
          this.#store.db
            .updateTable('audit_pending')
            .set({ host })
            .where('id', '=', first)
            .where('host', '=', host),
        ];
  }

  /** Fails when not all of these are this host's any more: a head without a hash is none. */
  #moveHead(entry: ChainEntry, nowMs: number, ids: readonly number[] = []): Compilable {
    const head = this.#headAt(entry, nowMs);
    const { host, hash, ...moved } = head;
    return this.#store.db
      .insertInto('audit_heads')
      .values((eb) => ({
        ...head,
        ...(ids.length === 0
          ? {}
          : {
              hash: eb
                .selectFrom('audit_pending')
                .select(eb.val(hash).as('hash'))
                .where('id', 'in', ids)
                .where('host', '=', host)
                .groupBy('host')
                .having((group) => group.fn.countAll(), '=', ids.length),
            }),
      }))
      .onConflict((conflict) => conflict.column('host').doUpdateSet({ hash, ...moved }));
  }

  #headAt({ host, seq, hash }: ChainEntry, nowMs: number): AuditHeadsTable {
    const place = { host, seq, hash, at: nowMs };
    const signature = this.#key.sign(signedText('head', place));
    return { ...place, public_key: this.#key.publicKey, signature };
  }
}

function placeOf({ seq, hash }: ChainPlace): ChainPlace {
  return { seq, hash };
}
