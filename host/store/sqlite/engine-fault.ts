import type { EngineFault } from './messages.js';

/** Primary result codes after which the transaction goes on: an error of the statement, a constraint, a value out of bounds. */
const OF_THE_STATEMENT: ReadonlySet<number> = new Set([1, 18, 19, 20, 25]);

/** What of an error crosses to the main thread. */
export function faultOf(error: unknown): EngineFault {
  const message = error instanceof Error ? error.message : String(error);
  const errcode = codeOf(error);
  return { message, ...(errcode === undefined ? {} : { errcode }) };
}

/** Whether SQLite may have rolled back the whole transaction: a full disk, a failed read or write, memory. */
export function isFatal(error: unknown): boolean {
  const errcode = codeOf(error);
  return errcode !== undefined && !OF_THE_STATEMENT.has(errcode & 0xff);
}

function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : undefined;
}
