import { createContext, Script, type Context } from 'node:vm';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const TIMED_OUT = 'ERR_SCRIPT_EXECUTION_TIMEOUT';
const CALL = new Script('work()');
/** Made when it is needed first: it takes about a millisecond. */
let context: Context | undefined;

/**
 * Runs work that only computes, and ends it in the middle when it takes longer: a pattern that somebody else wrote may
 * backtrack for ever, and nothing else runs meanwhile. What the work changes may be half done then. Not to be nested.
 *
 * @throws BulkheadError DEADLINE_EXCEEDED, and what the work throws
 */
export function computeWithin(timeoutMs: number, work: () => void): void {
  context ??= createContext({});
  context['work'] = work;
  try {
    CALL.runInContext(context, { timeout: timeoutMs });
  } catch (error) {
    if (!isTimeout(error)) throw error;
    throw new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `the work took longer than ${timeoutMs} ms`, {
      cause: error,
    });
  } finally {
    context['work'] = undefined;
  }
}

/** It is an error of that context, so no instance of this one's. */
function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === TIMED_OUT;
}
