import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { isRawNumber, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import pg from 'pg';
import Cursor from 'pg-cursor';
import type { Clock } from '../../clock.js';
import type { OpenSource, Query, QueryResult } from './query.js';
import { RowCollector } from './row-json.js';
import { assertQuery } from './sql-statement.js';

const MAX_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
/** Rows that are fetched at once. */
const CHUNK_ROWS = 200;
/** The server ends a statement at its time; past this much more the connection is closed. */
const GRACE_MS = 500;

export interface PostgresSourceOptions {
  readonly url: string;
  readonly readOnly: boolean;
  readonly clock: Clock;
}

const getTypeParser: typeof pg.types.getTypeParser = (type: number, format?: 'text' | 'binary') => {
  // What `bigint` cannot say in a double stays the text that it is.
  if (type === pg.types.builtins.INT8)
    return (text: string) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
  return format === undefined ? pg.types.getTypeParser(type) : pg.types.getTypeParser(type, format);
};

/** A PostgreSQL database; each query in a transaction of its own, read-only unless the source says otherwise. */
export function openPostgresSource({ url, readOnly, clock }: PostgresSourceOptions): OpenSource {
  const pool = new pg.Pool({
    connectionString: url,
    types: { getTypeParser },
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    application_name: 'bulkhead-datasource',
    allowExitOnIdle: true,
  });
  // A connection that breaks while nobody uses it is opened again when somebody does.
  pool.on('error', () => {});

  return {
    async query(query) {
      assertQuery(query.sql, readOnly);
      const values = bindable(query.parameters);
      if (query.signal.aborted) throw cancelled();
      const client = await pool.connect().catch((error: unknown) => {
        throw failed(error);
      });
      if (query.signal.aborted) {
        client.release();
        throw cancelled();
      }
      let fault: Error | undefined;
      const giveUp = (error: Error): void => {
        fault ??= error;
        // Ends the statement on the server too.
        void client.end();
      };
      const onAbort = (): void => {
        giveUp(cancelled());
      };
      query.signal.addEventListener('abort', onAbort, { once: true });
      const cancelTimer = clock.after(query.timeoutMs + GRACE_MS, () => {
        giveUp(tooLong(query.timeoutMs));
      });
      try {
        return await run(client, query, values, readOnly);
      } catch (error) {
        const reason = fault ?? failed(error, query.timeoutMs);
        fault ??= BulkheadError.from(error);
        throw reason;
      } finally {
        cancelTimer();
        query.signal.removeEventListener('abort', onAbort);
        // A connection on which anything went wrong is not used again.
        client.release(fault);
      }
    },
    close: () => pool.end().catch(() => undefined),
  };
}

async function run(
  client: pg.PoolClient,
  { sql, maxRows, timeoutMs }: Query,
  values: readonly unknown[],
  readOnly: boolean,
): Promise<QueryResult> {
  await client.query(readOnly ? 'BEGIN READ ONLY' : 'BEGIN');
  await client.query("SELECT set_config('statement_timeout', $1, true)", [String(Math.ceil(timeoutMs))]);
  const cursor = client.query(new Cursor<Readonly<Record<string, unknown>>>(sql, [...values]));
  const collector = new RowCollector(maxRows);
  const { columns, changedRows } = await fetchRows(cursor, collector, maxRows);
  await cursor.close();
  await client.query('COMMIT');
  // Who asks next on this connection must not meet what a query set for the session: a search path, a role, a lock.
  await client.query('DISCARD ALL');
  return { columns, rowsJson: collector.rows, truncated: collector.truncated, changedRows };
}

/** Reads until the statement has no more rows, or the answer has no room for more. */
async function fetchRows(
  cursor: Cursor<Readonly<Record<string, unknown>>>,
  collector: RowCollector,
  maxRows: number,
): Promise<Pick<QueryResult, 'columns' | 'changedRows'>> {
  let told: pg.QueryResult | undefined;
  for (;;) {
    const rows = await new Promise<readonly Readonly<Record<string, unknown>>[]>((resolve, reject) => {
      cursor.read(Math.min(CHUNK_ROWS, maxRows + 1), (error, read, about?: pg.QueryResult) => {
        // A cursor that was at its end already says nothing about the statement.
        told = about ?? told;
        // The package's types say `Error`; it passes nothing when there was none.
        if (error instanceof Error) reject(error);
        else resolve(read);
      });
    });
    const columns = (told?.fields ?? []).map(({ name }) => name);
    if (!rows.every((row) => collector.add(row))) return { columns, changedRows: 0 };
    if (rows.length > 0) continue;
    const changes = CHANGES.has(told?.command ?? '');
    return { columns, changedRows: changes ? (told?.rowCount ?? 0) : 0 };
  }
}

const CHANGES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** What goes to the server: lists and objects as JSON text, for columns of that type. @throws INVALID_ARGUMENT */
function bindable(parameters: Query['parameters']): readonly unknown[] {
  if (!isList(parameters)) {
    throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, 'parameters: expected a list, got an object', {
      field: 'parameters',
    });
  }
  return parameters.map((value) => {
    if (isRawNumber(value)) return value.rawJSON;
    return typeof value === 'object' && value !== null ? stringifyJson(value) : value;
  });
}

function isList(value: Query['parameters']): value is readonly JsonValue[] {
  return Array.isArray(value);
}

const STATEMENT_TIMED_OUT = '57014';

function failed(error: unknown, timeoutMs = CONNECT_TIMEOUT_MS): BulkheadError {
  if (isBulkheadError(error)) return error;
  if (error instanceof Error && 'code' in error && error.code === STATEMENT_TIMED_OUT)
    return tooLong(timeoutMs);
  const { message } = BulkheadError.from(error);
  return new BulkheadError(ErrorCode.QUERY_FAILED, message, { cause: error });
}

function tooLong(timeoutMs: number): BulkheadError {
  return new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `the query took longer than ${timeoutMs} ms`);
}

function cancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'nobody waits for the query any more');
}
