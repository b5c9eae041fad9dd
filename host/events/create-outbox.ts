import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/logger.js';
import { appendStatement, checkEvent, type CheckedEvent } from './append.js';
import type { EventOutbox } from './outbox.js';

/** The channel on which hosts tell each other that there are events. */
export const EVENTS_CHANNEL = 'events';
/** Events of one write. */
const MAX_BATCH = 100;
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
export function createOutbox(store: Store, clock: Clock, log: Logger): Outbox {
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;

  const wake = (): void => {
    store.notify(EVENTS_CHANNEL, '').catch((error: unknown) => {
      log.warn({ err: error }, 'could not tell other hosts of new events; they look again by themselves');
    });
  };

  const write = async (): Promise<void> => {
    // What is published in the same turn goes with the first.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      try {
        const now = clock.now();
        await store.batch(batch.map(({ event }) => appendStatement(store.db, event, now)));
        for (const { event, resolve } of batch) resolve(event.id);
        wake();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
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
