import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';

const UNIQUE_VIOLATION = '23505';
/** Another transaction came between; the same work may succeed the next time. */
const REPEATABLE: ReadonlySet<string> = new Set(['40001', '40P01']);
/** How long to wait before the store is asked again, in milliseconds. */
const RETRY_MS = 500;

/** What PostgreSQL or the way to it says, in the codes that both engines share. */
export function postgresError(thrown: unknown): BulkheadError {
  if (isBulkheadError(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = codeOf(stateOf(thrown), thrown);
  const again =
    code === ErrorCode.STORE_BUSY || code === ErrorCode.STORE_UNAVAILABLE
      ? { retryable: true, retryAfterMs: RETRY_MS }
      : {};
  return new BulkheadError(code, `${MEANING[code] ?? 'the store refused a statement'}: ${message}`, {
    cause: thrown,
    ...again,
  });
}

export function isPostgresUniqueViolation(cause: unknown): boolean {
  return stateOf(cause) === UNIQUE_VIOLATION;
}

/** Whether a transaction may be run again from its start. */
export function isRepeatable(error: unknown): boolean {
  const state = stateOf(isBulkheadError(error) ? error.cause : error);
  return state !== undefined && REPEATABLE.has(state);
}

const MEANING: Partial<Record<ErrorCode, string>> = {
  [ErrorCode.ALREADY_EXISTS]: 'a row with that key is there already',
  [ErrorCode.CONFLICT]: 'a row that it refers to is not there, or is still referred to',
  [ErrorCode.INVALID_ARGUMENT]: 'the store cannot keep that text',
  [ErrorCode.STORE_BUSY]: 'another transaction is in the way',
  [ErrorCode.STORE_FULL]: 'the disk of PostgreSQL is full',
  [ErrorCode.STORE_CORRUPT]: 'PostgreSQL found damaged data',
  [ErrorCode.STORE_UNAVAILABLE]: 'PostgreSQL cannot be reached',
};

/** SQLSTATE, five characters. */
function stateOf(error: unknown): string | undefined {
  return error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.length === 5
    ? error.code
    : undefined;
}

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
function codeOf(state: string | undefined, thrown: unknown): ErrorCode {
  switch (state) {
    case UNIQUE_VIOLATION:
      return ErrorCode.ALREADY_EXISTS;
    case '23503':
      return ErrorCode.CONFLICT;
    // Text that holds a NUL.
    case '22021':
    case '22P05':
      return ErrorCode.INVALID_ARGUMENT;
    case '53100':
      return ErrorCode.STORE_FULL;
    case 'XX001':
    case 'XX002':
      return ErrorCode.STORE_CORRUPT;
    case '40001':
    case '40P01':
    // A lock was not to be had, or a statement took longer than it may.
    case '55P03':
    case '57014':
      return ErrorCode.STORE_BUSY;
    case undefined:
      return ofTheConnection(thrown) ? ErrorCode.STORE_UNAVAILABLE : ErrorCode.INTERNAL;
    default:
      return /^(?:08|28|3D|53|57P|58|25P03)/.test(state) ? ErrorCode.STORE_UNAVAILABLE : ErrorCode.INTERNAL;
  }
}

const CONNECTION =
  /^(?:ECONN|ENOTFOUND|ENOENT|EPIPE|EHOST|ENET|ETIMEDOUT|EAI_|EACCES|ERR_TLS|ERR_SSL|DEPTH_|CERT_|SELF_)/;

/** Node's own codes; of the driver only its words tell. */
function ofTheConnection(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if ('code' in thrown && typeof thrown.code === 'string') return CONNECTION.test(thrown.code);
  return /timeout|connection|terminated|not queryable|SASL|password/i.test(thrown.message);
}

/** Whether the server itself refused a statement, so that the connection goes on; not a timeout, nor a line that broke. */
export function toldByServer(error: unknown): boolean {
  const state = stateOf(error);
  return (state !== undefined && !/^(?:08|57P)/.test(state)) || error instanceof RangeError;
}
