import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { CompiledQuery, QueryResult } from 'kysely';
import type { Result, Statement, Value } from './messages.js';

/** A statement with where it may run. */
export interface Prepared {
  readonly statement: Statement;
  /** It changes nothing, so the connection for reading takes it. */
  readonly reads: boolean;
}

const READS = /^\s*(?:select|explain)\b/i;
const ANSWERS_ROWS = /^\s*(?:select|with|values|pragma|explain)\b|\breturning\b/i;
/** Commits are shared and transactions are the driver's; one begun by hand would tear them. */
const CONTROLS = /^\s*(?:begin|commit|end|rollback|savepoint|release|attach|detach|vacuum)\b/i;

/** Kysely's query as a worker takes it. What it answers is read off the query, because older Node 22 cannot tell of a statement. */
export function prepare({
  query,
  sql,
  parameters,
}: Pick<CompiledQuery, 'query' | 'sql' | 'parameters'>): Prepared {
  const values = parameters.map(toValue);
  const as = (rows: boolean, reads = false): Prepared => ({
    statement: { sql, parameters: values, rows },
    reads,
  });
  switch (query.kind) {
    case 'SelectQueryNode':
      return as(true, true);
    case 'InsertQueryNode':
    case 'UpdateQueryNode':
    case 'DeleteQueryNode':
      return as(query.returning !== undefined);
    case 'RawNode':
      if (CONTROLS.test(sql))
        throw new BulkheadError(
          ErrorCode.INTERNAL,
          `expected a query, got '${sql}'; use store.transaction or store.batch`,
        );
      return as(ANSWERS_ROWS.test(sql), READS.test(sql));
    default:
      return as(false);
  }
}

/** About how much memory a statement holds while it waits, in bytes. */
export function sizeOf({ sql, parameters }: Statement): number {
  let bytes = sql.length;
  for (const value of parameters) {
    if (typeof value === 'string') bytes += value.length;
    else if (value instanceof Uint8Array) bytes += value.byteLength;
    else bytes += 8;
  }
  return bytes;
}

export function toQueryResult(result: Result | undefined): QueryResult<never> {
  if (result === undefined) return { rows: [] };
  if ('rows' in result) return { rows: result.rows };
  return { rows: [], numAffectedRows: result.changes, insertId: result.lastId };
}

function toValue(value: unknown): Value {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return value;
  throw new BulkheadError(ErrorCode.INTERNAL, `expected a value that the store keeps, got ${typeof value}`);
}
