import { sql } from 'kysely';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/logger.js';
import type { KvUsage } from './kv-usage.js';

/** Expired keys of one statement; other writes come between. */
const MAX_KEYS_PER_SWEEP = 500;

export interface Sweeper {
  /** Removes what has expired. */
  sweep(): Promise<void>;
  /** Resolves when no sweep is under way. None follows. */
  stop(): Promise<void>;
}

/** Removes expired keys again and again. Nobody waits for it: an expired key reads as absent anyway. */
export function startSweeper(
  store: Store,
  clock: Clock,
  log: Logger,
  usage: KvUsage,
  intervalMs: number,
): Sweeper {
  let stopped = false;
  let cancel: () => void = () => {};
  let sweeping = Promise.resolve();

  const sweep = async (): Promise<void> => {
    for (;;) {
      const now = clock.now();
      const gone = await store.db
        .deleteFrom('kv')
        // Said twice: a key that was set anew between the two is not the one that expired.
        .where('expires_at', '<=', now)
        .where(
          sql<boolean>`(entry, key) in (select entry, key from kv where expires_at <= ${now} limit ${MAX_KEYS_PER_SWEEP})`,
        )
        .returning(['entry', 'size'])
        .execute();
      for (const { entry, size } of gone) usage.release(entry, { bytes: size, keys: 1 });
      if (stopped || gone.length < MAX_KEYS_PER_SWEEP) return;
    }
  };
  const later = (): void => {
    cancel = clock.after(intervalMs, () => {
      sweeping = sweep().then(
        () => undefined,
        (error: unknown) => {
          log.warn({ err: error }, 'expired keys could not be removed; they read as absent all the same');
        },
      );
      void sweeping.then(() => {
        if (!stopped) later();
      });
    });
  };
  later();
  return {
    sweep,
    stop() {
      stopped = true;
      cancel();
      return sweeping;
    },
  };
}
