import type { Compilable } from 'kysely';
import type { AuditContent } from '../../store/tables/audit.js';
import type { Store } from '../../store/store.js';
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

/** Appends to one host's chain; one call at a time. */
export class ChainWriter {
  readonly #store: Store;
  readonly #key: HostKey;
  #known: Known = { kind: 'unknown' };

  constructor(store: Store, key: HostKey) {
    this.#store = store;
    this.#key = key;
  }

  /** Where the chain stands, as far as it is known here. */
  get head(): ChainPlace | undefined {
    return this.#known.kind === 'at' ? this.#known.place : undefined;
  }

  /**
   * Appends what was committed with changes, and then of `notes` as many as one write takes. Rows of a change leave
   * their table in the same transaction in which they enter the chain, so that a kill loses none and doubles none. Rows
   * that another host took over meanwhile fail the write: the next one does not find them.
   */
  async append(notes: readonly AuditContent[], nowMs: number): Promise<Appended> {
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
    this.#known = { kind: 'at', place: { seq: last.seq, hash: last.hash } };
    return wrote;
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
  #moveHead({ host, seq, hash }: ChainEntry, nowMs: number, ids: readonly number[]): Compilable {
    const place = { host, seq, hash, at: nowMs };
    const signature = this.#key.sign(signedText('head', place));
    return this.#store.db
      .insertInto('audit_heads')
      .values((eb) => ({
        ...place,
        public_key: this.#key.publicKey,
        signature,
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
      .onConflict((conflict) => conflict.column('host').doUpdateSet({ seq, hash, at: nowMs, signature }));
  }
}
