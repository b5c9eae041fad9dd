import type { Clock } from '../clock.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/logger.js';
import { trimBacklogs, type BacklogBound } from './trim.js';

export interface TrimmerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bound: () => BacklogBound;
}

/** Backlogs are held to their bound at most this often, unless somebody asks. */
const TRIM_EVERY_MS = 1_000;

/** Holds backlogs to their bounds: now and then, and at once when much came. */
export interface Trimmer {
  trimNow(): Promise<void>;
  trimSometimes(): Promise<void>;
}

export function createTrimmer({ store, clock, log, bound }: TrimmerOptions): Trimmer {
  let trimmedMs = -Infinity;
  const trimNow = async (): Promise<void> => {
    trimmedMs = clock.monotonic();
    for (const { entry, pattern, count } of await trimBacklogs(store, bound())) {
      log.warn({ plugin: entry, pattern, dropped: count }, 'events were dropped: too many wait');
    }
  };
  return {
    trimNow,
    async trimSometimes() {
      if (clock.monotonic() - trimmedMs >= TRIM_EVERY_MS) await trimNow();
    },
  };
}
