import { BulkheadError } from '@bulkhead/proto';
import { GRANTS_CHANGED } from '../grants/store.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/logger.js';
import { CONFIG_CHANGED } from './config-layer.js';

/** Keeps what runs and what the store says of it the same, whoever changed it: another host, or this one. */
export interface StoreFollower {
  /** From now on changes are applied; what changed since the first configuration was read is, too. */
  start(): void;
  stop(): void;
  /** Runs what reads the store and applies it for another reason; then it need not be applied once more. */
  around<T>(apply: () => Promise<T>): Promise<T>;
}

export interface StoreFollowerOptions {
  readonly store: Store;
  readonly log: Logger;
  /** `storedRevision` from before what runs was read. */
  readonly baseline: string;
  /** Reads everything anew and applies it. When it fails, what runs stays, and the next change tries again. */
  readonly apply: () => Promise<unknown>;
}

export function createStoreFollower({ store, log, baseline, apply }: StoreFollowerOptions): StoreFollower {
  let applied = baseline;
  let last: Promise<unknown> = Promise.resolve();
  let stops: readonly (() => void)[] = [];
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    // Taken before, so that what changes meanwhile is seen as a change.
    const revision = await storedRevision(store);
    const result = await work();
    applied = revision;
    return result;
  };
  const look = async (): Promise<void> => {
    try {
      if ((await storedRevision(store)) !== applied) await around(apply);
    } catch (error) {
      const { code, message } = BulkheadError.from(error);
      log.error({ code }, `a change in the store was not applied, what runs stays: ${message}`);
    }
  };
  const onChange = (): void => {
    last = last.then(look);
  };
  return {
    around,
    start() {
      // Also when hearing begins anew: nobody knows what was said meanwhile.
      stops = [GRANTS_CHANGED, CONFIG_CHANGED].map((channel) => store.listen(channel, onChange, onChange));
    },
    stop() {
      for (const stop of stops) stop();
      stops = [];
    },
  };
}

/** Changes whenever what the store says of a configuration does. */
export async function storedRevision({ db }: Pick<Store, 'db'>): Promise<string> {
  const [layer, grants] = await Promise.all([
    db
      .selectFrom('config_layer')
      .select(({ fn }) => fn.sum<number | null>('version').as('sum'))
      .executeTakeFirst(),
    db
      .selectFrom('grants')
      .select(({ fn }) => fn.max('id').as('max'))
      .executeTakeFirst(),
  ]);
  return `${layer?.sum ?? 0}:${grants?.max ?? 0}`;
}
