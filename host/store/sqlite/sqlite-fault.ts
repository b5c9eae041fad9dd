import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { EngineFault } from './messages.js';

/** SQLite's error as the cause of the typed one. */
interface SqliteError extends Error {
  readonly errcode: number | undefined;
}

const UNIQUE: ReadonlySet<number> = new Set([1_555, 2_067, 2_579]);
const FOREIGN_KEY = 787;
/** How long to wait before a busy store is asked again, in milliseconds. */
const BUSY_RETRY_MS = 250;

/** What SQLite says, in the codes that both engines share. */
export function sqliteError(fault: EngineFault): BulkheadError {
  const cause: SqliteError = Object.assign(new Error(fault.message), { errcode: fault.errcode });
  const code = codeOf(fault.errcode);
  const busy = code === ErrorCode.STORE_BUSY ? { retryable: true, retryAfterMs: BUSY_RETRY_MS } : {};
  return new BulkheadError(code, `${MEANING[code] ?? 'the store refused a statement'}: ${fault.message}`, {
    cause,
    ...busy,
  });
}

export function isSqliteUniqueViolation(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    'errcode' in cause &&
    typeof cause.errcode === 'number' &&
    UNIQUE.has(cause.errcode)
  );
}

const MEANING: Partial<Record<ErrorCode, string>> = {
  [ErrorCode.ALREADY_EXISTS]: 'a row with that key is there already',
  [ErrorCode.CONFLICT]: 'a row that it refers to is not there, or is still referred to',
  [ErrorCode.STORE_BUSY]: 'another process writes to the store',
  [ErrorCode.STORE_FULL]: 'the disk of the store is full',
  [ErrorCode.STORE_CORRUPT]: 'the file of the store is damaged, or is no store',
  [ErrorCode.STORE_UNAVAILABLE]: 'the file of the store cannot be read or written',
};

function codeOf(errcode: number | undefined): ErrorCode {
  if (errcode === undefined) return ErrorCode.INTERNAL;
  if (UNIQUE.has(errcode)) return ErrorCode.ALREADY_EXISTS;
  if (errcode === FOREIGN_KEY) return ErrorCode.CONFLICT;
  switch (errcode & 0xff) {
    case 5: // busy
    case 6: // locked
      return ErrorCode.STORE_BUSY;
    case 13: // full
      return ErrorCode.STORE_FULL;
    case 11: // corrupt
    case 26: // not a database
      return ErrorCode.STORE_CORRUPT;
    case 3: // permission
    case 8: // read-only
    case 10: // input or output
    case 14: // cannot open
      return ErrorCode.STORE_UNAVAILABLE;
    default:
      return ErrorCode.INTERNAL;
  }
}
