import type { JsonObject, JsonValue } from '@bulkhead/proto/json';

/** One question to a data source. */
export interface Query {
  /** With places for parameters: `?` in SQLite, `$1` in PostgreSQL. Empty for a source without SQL. */
  readonly sql: string;
  /** A list for SQL; values by name for the places of a URL. */
  readonly parameters: readonly JsonValue[] | JsonObject;
  /** At least 1. */
  readonly maxRows: number;
  readonly timeoutMs: number;
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal;
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

/** The rows of one answer together, as JSON text in UTF-16 units; past it the query fails. */
export const MAX_RESULT_CHARS = 8 * 1024 * 1024;
