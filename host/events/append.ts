import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { sql, type Kysely } from 'kysely';
import type { Database } from '../store/database.js';
import type { NewEvent } from './outbox.js';
import { assertTopic, patternsOf } from './topics.js';

export const MAX_EVENT_BYTES = 65_536;

/** An event that may be appended. */
export interface CheckedEvent extends NewEvent {
  readonly id: string;
  readonly bytes: number;
}

/** @throws INVALID_ARGUMENT */
export function checkEvent({ topic, dataJson }: NewEvent): CheckedEvent {
  assertTopic(topic);
  const bytes = Buffer.byteLength(dataJson);
  if (bytes > MAX_EVENT_BYTES)
    throw invalid(`expected at most ${MAX_EVENT_BYTES} bytes of data, got ${bytes}`);
  try {
    JSON.parse(dataJson);
  } catch {
    throw invalid('expected the data to be JSON text');
  }
  return { topic, dataJson, id: randomUUID(), bytes };
}

/**
 * Puts an event into the backlog of every subscription that fits it, in one statement: so it needs to know nothing
 * beforehand, and an event that nobody wants costs one look. Rows are acknowledged one by one, not by a position in a log;
 * a row that becomes visible after one with a higher number is delivered all the same.
 */
export function appendStatement(db: Kysely<Database>, event: CheckedEvent, nowMs: number) {
  return db
    .insertInto('event_backlog')
    .columns(['subscription', 'event_id', 'topic', 'data', 'size', 'at'])
    .expression((eb) =>
      eb
        .selectFrom('event_subscriptions')
        .select([
          'id',
          sql<string>`cast(${event.id} as text)`.as('event_id'),
          sql<string>`cast(${event.topic} as text)`.as('topic'),
          sql<string>`cast(${event.dataJson} as text)`.as('data'),
          sql<number>`cast(${event.bytes} as bigint)`.as('size'),
          sql<number>`cast(${Math.floor(nowMs)} as bigint)`.as('at'),
        ])
        .where('pattern', 'in', patternsOf(event.topic)),
    );
}

function invalid(message: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, message, { field: 'data_json' });
}
