import type { Generated } from 'kysely';

export interface EventSubscriptionsTable {
  id: Generated<number>;
  /** The configured entry's name. */
  entry: string;
  pattern: string;
  /** Events dropped at the bound that the plugin was not told of yet. */
  dropped: Generated<number>;
  /** And all that ever were. */
  dropped_ever: Generated<number>;
  created_at: number;
}

/** Events that wait for a subscription. What is acknowledged goes. */
export interface EventBacklogTable {
  /** The order of delivery. */
  seq: Generated<number>;
  subscription: number;
  /** The same for every subscription that the event fits. */
  event_id: string;
  topic: string;
  data: string;
  /** Bytes of `data`. */
  size: number;
  at: number;
}
