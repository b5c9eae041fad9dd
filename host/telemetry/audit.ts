import type { JsonObject } from '@bulkhead/proto/json';
import type { Compilable, QueryResult, Transaction } from 'kysely';
import type { Database } from '../store/database.js';
import type { Store } from '../store/store.js';

/** Who did something, as the channel tells. */
export interface Actor {
  readonly kind: 'cli' | 'token' | 'plugin' | 'app' | 'host';
  /** A user's name, a token's id, a configured entry's name, an app's id. */
  readonly id: string;
}

/** The host itself, when it acts on its own. */
export const HOST_ACTOR: Actor = { kind: 'host', id: 'host' };

/** One thing that was done, or refused. */
export interface AuditEntry {
  readonly actor: Actor;
  /** For example `llm.create`, `secret.set`, `scope.refused`, `hook.denied`. */
  readonly action: string;
  /** What it was done to, for example `llm/abc`. */
  readonly target?: string;
  readonly outcome: 'allowed' | 'denied' | 'suppressed' | 'error';
  /** Error or violation code. */
  readonly code?: string;
  readonly reason?: string;
  readonly requestId?: string;
  /** More; never a secret. */
  readonly details?: JsonObject;
}

/** The audit log: append-only, chained by hashes. */
export interface Audit {
  /** What changed nothing in the store. Bounded: past the bound entries are counted, and the count is written. */
  note(entry: AuditEntry): void;
  /** Stands or falls with the change that it tells of. */
  write(trx: Transaction<Database>, entry: AuditEntry): Promise<void>;
  /**
   * The same for a change that is one batch: one message to the store, and one commit.
   *
   * @returns the results of `queries`
   * @throws as the store's `batch`; ALREADY_EXISTS may also mean that the chain was not where it was thought to be. A
   * transaction can tell both apart
   */
  batch(
    store: Pick<Store, 'batch'>,
    queries: readonly Compilable[],
    entry: AuditEntry,
  ): Promise<readonly QueryResult<unknown>[]>;
  /** Resolves when everything so far stands in the chain; an acknowledged change waits for it. */
  settled(): Promise<void>;
}

/** Keeps nothing; for hosts without a store, and tests of what does not audit. */
export const NO_AUDIT: Audit = {
  note: () => {},
  write: () => Promise.resolve(),
  batch: (store, queries) => store.batch(queries),
  settled: () => Promise.resolve(),
};
