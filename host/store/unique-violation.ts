import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { isPostgresUniqueViolation } from './postgres/postgres-fault.js';
import { isSqliteUniqueViolation } from './sqlite/sqlite-fault.js';

/** Whether the store refused a row because a unique key of it is taken. */
export function isUniqueViolation(error: unknown): boolean {
  return (
    isBulkheadError(error) &&
    error.code === ErrorCode.ALREADY_EXISTS &&
    (isSqliteUniqueViolation(error.cause) || isPostgresUniqueViolation(error.cause))
  );
}
