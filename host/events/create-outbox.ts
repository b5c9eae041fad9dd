import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/logger.js';
import { appendStatement, checkEvent, type CheckedEvent } from './append.js';
import type { EventOutbox } from './outbox.js';
import type { Trimmer } from './trimmer.js';

/** The channel on which hosts tell each other that there are events. */
export const EVENTS_CHANNEL = 'events';
/** Events of one write, and their data in bytes: each is written once for every subscription, and nothing else meanwhile. */
const MAX_BATCH = 100;
const MAX_BATCH_BYTES = 262_144;
/** What is written before backlogs are held to their bounds, in bytes. */
const MAX_UNTRIMMED_BYTES = 33_554_432;
/** Events that wait for their write. */
const MAX_WAITING = 10_000;

interface Waiting {
  readonly event: CheckedEvent;
  readonly resolve: (id: string) => void;
  readonly reject: (error: unknown) => void;
}

export interface Outbox extends EventOutbox {
  /** Resolves when everything that was published stands, or has failed. */
  settled(): Promise<void>;
}

/** Events enter one write after another, in the order in which they were published here; what waits goes together. */
export function createOutbox(
  store: Store,
  clock: Clock,
  log: Logger,
  trimmer: Pick<Trimmer, 'trimNow'>,
): Outbox {
  const waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let untrimmedBytes = 0;

  const wake = (): void => {
    store.notify(EVENTS_CHANNEL, '').catch((error: unknown) => {
      log.warn({ err: error }, 'could not tell other hosts of new events; they look again by themselves');
    });
  };

  /** Whoever publishes faster than it is read finds the bound at once, not when somebody looks the next time. */
  const trim = async (): Promise<void> => {
    if (untrimmedBytes <= MAX_UNTRIMMED_BYTES) return;
    untrimmedBytes = 0;
    try {
      await trimmer.trimNow();
    } catch (error) {
      log.warn({ err: error }, 'backlogs of events could not be held to their bounds; trying again later');
    }
  };

  const write = async (): Promise<void> => {
    // What is published in the same turn goes with the first.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.splice(0, fitting(waiting));
      try {
        const now = clock.now();
        const written = await store.batch(batch.map(({ event }) => appendStatement(store.db, event, now)));
        written.forEach(({ numAffectedRows = 0n }, index) => {
          untrimmedBytes += Number(numAffectedRows) * (batch[index]?.event.bytes ?? 0);
        });
        for (const { event, resolve } of batch) resolve(event.id);
        wake();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      await trim();
    }
    writing = undefined;
  };

  return {
    async append(trx, event) {
      const { numInsertedOrUpdatedRows: added = 0n } = await appendStatement(
        trx,
        checkEvent(event),
        clock.now(),
      ).executeTakeFirstOrThrow();
      return added > 0n;
    },
    appending: (event) => appendStatement(store.db, checkEvent(event), clock.now()),
    async publish(event) {
      const checked = checkEvent(event);
      if (waiting.length >= MAX_WAITING) {
        throw new BulkheadError(
          ErrorCode.RATE_LIMITED,
          `${MAX_WAITING} events wait to be written; try again later`,
          { retryable: true, retryAfterMs: 1_000 },
        );
      }
      return new Promise((resolve, reject) => {
        waiting.push({ event: checked, resolve, reject });
        writing ??= write();
      });
    },
    wake,
    async settled() {
      await writing;
    },
  };
}

/** How many go with one write; one at least. */
function fitting(waiting: readonly Waiting[]): number {
  let bytes = 0;
  const over = waiting.slice(0, MAX_BATCH).findIndex(({ event }, index) => {
    bytes += event.bytes;
    return index > 0 && bytes > MAX_BATCH_BYTES;
  });
  return over < 0 ? MAX_BATCH : over;
}
