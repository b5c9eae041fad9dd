import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonObject, JsonValue } from '@bulkhead/proto/json';

/** One question to a data source. */
export interface Query {
  /** With places for parameters: `?` in SQLite, `$1` in PostgreSQL. Empty for a source without SQL. */
  readonly sql: string;
  /** A list for SQL; values by name for the places of a URL. */
  readonly parameters: readonly JsonValue[] | JsonObject;
  /** At least 1. */
  readonly maxRows: number;
  /** From the question to the answer, whatever it waits for. */
  readonly timeoutMs: number;
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal;
  /** Who asks: one of them does not take the processes from all others. */
  readonly caller: string;
}

export interface QueryResult {
  readonly columns: readonly string[];
  /** One JSON text for each row: an object by column. */
  readonly rowsJson: readonly string[];
  /** There were more rows than were asked for. */
  readonly truncated: boolean;
  readonly changedRows: number;
}

/** A data source that is open. */
export interface OpenSource {
  /** @throws QUERY_FAILED, DEADLINE_EXCEEDED, INVALID_ARGUMENT, QUOTA_EXCEEDED, CANCELLED */
  query(query: Query): Promise<QueryResult>;
  /** What is under way fails. Never rejects. */
  close(): Promise<void>;
}

/** The rows of one answer together, as JSON text in bytes; past it the query fails. */
export const MAX_RESULT_BYTES = 8 * 1024 * 1024;

export function tooLong(timeoutMs: number): BulkheadError {
  return new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `the query took longer than ${String(timeoutMs)} ms`);
}

export function cancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'nobody waits for the query any more');
}

/** The source is another one now, or the host stops. */
export function gone(): BulkheadError {
  return new BulkheadError(ErrorCode.QUERY_FAILED, 'the data source was closed or changed; ask again', {
    retryable: true,
  });
}
