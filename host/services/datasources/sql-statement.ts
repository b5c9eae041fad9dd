import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const READS = ['SELECT', 'WITH', 'VALUES', 'EXPLAIN', 'TABLE'];
const WRITES = ['INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'MERGE'];
const MAX_SQL_CHARS = 100_000;

// White space and comments, which may come before the first word.
const LEADING = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;

/**
 * Refuses statements that are no query: those that open other files, change the connection or the schema. What a query may
 * touch is the database's own business: a file that is opened read-only, a transaction that is, the role that connects.
 *
 * @throws INVALID_ARGUMENT
 */
export function assertQuery(sql: string, readOnly: boolean): void {
  if (sql.length > MAX_SQL_CHARS) throw invalid(`at most ${MAX_SQL_CHARS} characters`, `${sql.length}`);
  const [word = ''] = /^[A-Za-z]+/.exec(sql.replace(LEADING, '')) ?? [];
  const allowed = readOnly ? READS : [...READS, ...WRITES];
  if (allowed.includes(word.toUpperCase())) return;
  throw invalid(
    `a statement that begins with ${allowed.join(', ')}${readOnly ? ' (the data source is read-only)' : ''}`,
    word === '' ? 'something else' : `'${word.slice(0, 40)}'`,
  );
}

function invalid(expected: string, got: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, `sql: expected ${expected}, got ${got}`, {
    field: 'sql',
  });
}
