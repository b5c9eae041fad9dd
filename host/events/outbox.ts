import type { Compilable, Transaction } from 'kysely';
import type { Database } from '../store/database.js';

/** An event as whoever raises it says it; the id and the time are the store's. */
export interface NewEvent {
  /** For example `system.llm.created`, `plugin.lifecycle`, `plugin_tool.invoked`, or one under a plugin's id. */
  readonly topic: string;
  /** JSON text. */
  readonly dataJson: string;
}

/** Where events enter. */
export interface EventOutbox {
  /**
   * Stands or falls with the change that it tells of.
   *
   * @returns whether somebody is to get it: then call `wake` when the transaction has committed
   */
  append(trx: Transaction<Database>, event: NewEvent): Promise<boolean>;
  /** The same for a batch; the rows that it adds tell whether somebody is to get it. */
  appending(event: NewEvent): Compilable;
  /** On its own. Resolves with the event's id when it stands. */
  publish(event: NewEvent): Promise<string>;
  /** There may be something to deliver, on any host. Without it, what was appended waits for the next look, some seconds. */
  wake(): void;
}
