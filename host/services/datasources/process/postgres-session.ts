import { Socket } from 'node:net';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isRawNumber, parseJson, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import { parsePostgresUrl, type PostgresAddress } from '@bulkhead/proto/rules';
import pg from 'pg';
import Cursor from 'pg-cursor';
import { MAX_RESULT_BYTES, type QueryResult } from '../query.js';
import { RowCollector } from '../row-json.js';
import type { PostgresSettings, Question } from './messages.js';
import type { Session } from './session.js';

/** Rows that are fetched at once. */
const CHUNK_ROWS = 200;
/** What a server may send for one query: rows, as text, and what is around them. */
const MAX_RECEIVED_BYTES = 4 * MAX_RESULT_BYTES;
/** How often the server looks whether whoever asked is still there, in milliseconds; servers before 14 do not. */
const CLIENT_CHECK_MS = 1_000;

const getTypeParser: typeof pg.types.getTypeParser = (type: number, format?: 'text' | 'binary') => {
  // What `bigint` cannot say in a double stays the text that it is.
  if (type === pg.types.builtins.INT8)
    return (text: string) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
  return format === undefined ? pg.types.getTypeParser(type) : pg.types.getTypeParser(type, format);
};

interface Connection {
  readonly client: pg.Client;
  /** Counts from here on what the server sends. */
  restart(): void;
  /** Why it is of no more use. */
  readonly broken: () => Error | undefined;
}

/** One connection to a server, opened with the first query and again after anything went wrong. */
export function openPostgresSession({ url, readOnly }: PostgresSettings): Session {
  let open: Connection | undefined;
  return {
    async answer(question, text) {
      const connection = open?.broken() === undefined ? open : undefined;
      open = undefined;
      const current = connection ?? (await connect(addressOf(url), question.timeoutMs));
      current.restart();
      try {
        const result = await run(current.client, question, bindable(parseJson(text)), readOnly);
        open = current;
        return result;
      } catch (error) {
        // A connection on which anything went wrong is not used again.
        void current.client.end().catch(() => {});
        throw failed(current.broken() ?? error, question.timeoutMs);
      }
    },
  };
}

function addressOf(url: string): PostgresAddress {
  const parsed = parsePostgresUrl(url);
  if (parsed.ok) return parsed.address;
  throw new BulkheadError(ErrorCode.QUERY_FAILED, `the url of the data source: ${parsed.message}`);
}

async function connect(address: PostgresAddress, timeoutMs: number): Promise<Connection> {
  let received = 0;
  let fault: Error | undefined;
  const count = (chunk: Buffer): void => {
    received += chunk.length;
    if (received <= MAX_RECEIVED_BYTES) return;
    fault ??= new BulkheadError(
      ErrorCode.QUOTA_EXCEEDED,
      `the server sent more than ${String(MAX_RECEIVED_BYTES)} bytes; ask for fewer rows or columns`,
    );
    client.connection.stream.destroy(fault);
  };
  const socket = new Socket();
  socket.on('data', count);
  const { password, applicationName, connectTimeoutMs, ...rest } = address;
  const client = new pg.Client({
    ...rest,
    application_name: applicationName,
    // As a function it is the only one: a text that is empty would be looked for elsewhere.
    password: () => password,
    stream: () => socket,
    types: { getTypeParser },
    connectionTimeoutMillis: Math.min(connectTimeoutMs, Math.ceil(timeoutMs)),
  });
  client.on('error', (error) => {
    fault ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throw failed(fault ?? error, connectTimeoutMs);
  }
  const { stream } = client.connection;
  // What is encrypted comes out of another stream.
  if (stream !== socket) stream.on('data', count);
  return {
    client,
    broken: () => fault,
    restart: () => {
      received = 0;
    },
  };
}

const SETTINGS = `SELECT set_config(name, CASE name WHEN 'statement_timeout' THEN $1 ELSE $2 END, true) FROM pg_settings
  WHERE name IN ('statement_timeout', 'client_connection_check_interval')`;

async function run(
  client: pg.Client,
  { sql, maxRows, timeoutMs }: Question,
  values: readonly unknown[],
  readOnly: boolean,
): Promise<QueryResult> {
  await client.query(readOnly ? 'BEGIN READ ONLY' : 'BEGIN');
  await client.query(SETTINGS, [String(Math.ceil(timeoutMs)), String(CLIENT_CHECK_MS)]);
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

/** What goes to the server: lists and objects as JSON text, for columns of that type. */
function bindable(parameters: JsonValue): readonly unknown[] {
  if (!Array.isArray(parameters)) return [];
  return parameters.map((value: JsonValue) => {
    if (isRawNumber(value)) return value.rawJSON;
    return typeof value === 'object' && value !== null ? stringifyJson(value) : value;
  });
}

const STATEMENT_TIMED_OUT = '57014';

function failed(error: unknown, timeoutMs: number): BulkheadError {
  if (error instanceof Error && 'code' in error && error.code === STATEMENT_TIMED_OUT)
    return new BulkheadError(
      ErrorCode.DEADLINE_EXCEEDED,
      `the query took longer than ${String(timeoutMs)} ms`,
    );
  return BulkheadError.from(error, ErrorCode.QUERY_FAILED);
}
