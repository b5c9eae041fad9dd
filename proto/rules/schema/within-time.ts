import { types } from 'node:util';
import { createContext, Script, type Context } from 'node:vm';

const RUN = new Script('run()');
let context: Context | undefined;

/** Work that was ended because its time was over. */
export class TookTooLong extends Error {}

/**
 * Runs work that does not wait, and ends it in the middle when its time is over, in a pattern that backtracks too. It holds
 * up everything else for so long: for what happens rarely.
 *
 * @throws TookTooLong, and what the work throws
 */
export function withinTime<T>(timeoutMs: number, work: () => T): T {
  let done: { readonly value: T } | undefined;
  context ??= createContext();
  context['run'] = () => {
    done = { value: work() };
  };
  try {
    RUN.runInContext(context, { timeout: timeoutMs });
  } catch (error) {
    if (isTimeout(error)) throw new TookTooLong(`took longer than ${String(timeoutMs)} ms`, { cause: error });
    throw error;
  } finally {
    Reflect.deleteProperty(context, 'run');
  }
  if (done === undefined) throw new TookTooLong(`had no end after ${String(timeoutMs)} ms`);
  return done.value;
}

function isTimeout(error: unknown): boolean {
  // It may be an Error of the context's own.
  return types.isNativeError(error) && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}
