import type { Compilable, Kysely, QueryResult, Transaction } from 'kysely';
import type { Database } from './database.js';
import type { StoreHealth } from './health.js';
import type { OnEnd } from './transaction-ends.js';

export type Engine = 'sqlite' | 'postgres';

/**
 * What the host keeps. Every write that is answered is durable; one that fails with STORE_BUSY or STORE_FULL was not
 * written, one that fails with STORE_UNAVAILABLE may have been.
 *
 * Whatever is asked may fail with STORE_UNAVAILABLE, STORE_BUSY, STORE_FULL or STORE_CORRUPT. A unique key that is taken
 * is ALREADY_EXISTS; `isUniqueViolation` tells it from one that a part of the host raised itself.
 */
export interface Store {
  readonly engine: Engine;
  /** Queries one by one. Those that arrive together may share one commit; each succeeds or fails alone. */
  readonly db: Kysely<Database>;
  /**
   * Runs `work` in one transaction, as if it were alone, and again when the engine says that another one came between;
   * so it must do nothing but ask the store. A query that fails in it fails all of it, on either engine. On SQLite
   * nothing else is written meanwhile: keep it short, and prefer `batch`.
   */
  transaction<T>(work: (trx: Transaction<Database>) => Promise<T>): Promise<T>;
  /**
   * Calls back once, when a transaction of `transaction` is over and before its caller hears of it. Work that is run again
   * is another transaction. @throws INTERNAL when it is over already
   */
  onEnd(trx: Transaction<Database>, onEnd: OnEnd): void;
  /** Queries that stand or fall together, sent at once: cheaper than a transaction when none needs another's result. */
  batch(queries: readonly Compilable[]): Promise<readonly QueryResult<unknown>[]>;
  /**
   * Tells every host on this store, this one too. Not kept: who does not listen misses it. On SQLite that is this process.
   *
   * @param payload at most 7,900 bytes
   */
  notify(channel: string, payload: string): Promise<void>;
  /**
   * Hears what `notify` says on a channel. Returns the function that unsubscribes.
   *
   * @param channel lower case letters, digits and underscores
   * @param onHearing whenever hearing begins, first and after a lost connection: what was said before is missed, so read anew
   */
  listen(channel: string, listener: (payload: string) => void, onHearing?: () => void): () => void;
  /** Whether the store answers, as far as the last calls tell. */
  health(): StoreHealth;
  /** What is under way finishes; later calls are STORE_UNAVAILABLE. */
  close(): Promise<void>;
}
