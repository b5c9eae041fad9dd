import type { Compilable, Kysely, QueryResult, Transaction } from 'kysely';
import type { Database } from './database.js';

export type Engine = 'sqlite' | 'postgres';

/** What the host keeps. Every write that is answered is durable. */
export interface Store {
  readonly engine: Engine;
  /** Queries one by one. */
  readonly db: Kysely<Database>;
  /**
   * Runs `work` in one transaction, and again when the engine says that another one came between; so it must do
   * nothing but ask the store.
   */
  transaction<T>(work: (trx: Transaction<Database>) => Promise<T>): Promise<T>;
  /** Queries that stand or fall together, sent at once: cheaper than a transaction when none needs another's result. */
  batch(queries: readonly Compilable[]): Promise<readonly QueryResult<unknown>[]>;
  /** Tells every host on this store, this one too. Not kept: who does not listen misses it. */
  notify(channel: string, payload: string): Promise<void>;
  /** Hears what `notify` says on a channel. Returns the function that unsubscribes. */
  listen(channel: string, listener: (payload: string) => void): () => void;
  /** What is under way finishes; later calls are STORE_UNAVAILABLE. */
  close(): Promise<void>;
}
