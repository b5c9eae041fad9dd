import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { checkViolation, isPlainObject } from '@bulkhead/proto/rules';
import type { LogFields, Logger } from '../logger.js';
import type { CallEnvironment } from './work-context.js';

/** The author's answer is at fault, and the message says how. */
const OF_ANSWER: ReadonlySet<ErrorCode> = new Set([ErrorCode.INVALID_ANSWER, ErrorCode.MESSAGE_TOO_LARGE]);

/** Fails a call whose handler refused; it crosses as it is. */
class Refused extends BulkheadError {}

/**
 * Runs one call that the plugin answers: counts it, bounds its answer, and makes of whatever is thrown what the host is told.
 *
 * @param what the handler, for logs
 * @throws BulkheadError PLUGIN_ERROR, INVALID_ANSWER, MESSAGE_TOO_LARGE, DENIED, as a rejection
 */
export async function handleCall(
  what: string,
  log: () => Logger,
  environment: CallEnvironment,
  work: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  environment.inFlight.enter();
  try {
    return fitting(await work(), environment);
  } catch (error) {
    throw error instanceof Refused ? error : explain(what, error, log());
  } finally {
    environment.inFlight.leave();
  }
}

/** An answer that the host would not take ends this call, not the connection and every other call on it. */
export function fitting(answer: Uint8Array, { maxMessageBytes }: CallEnvironment): Uint8Array {
  if (maxMessageBytes === 0 || answer.length <= maxMessageBytes) return answer;
  throw new BulkheadError(
    ErrorCode.MESSAGE_TOO_LARGE,
    `the answer has ${answer.length} bytes, the host takes ${maxMessageBytes}; answer with less`,
  );
}

/** Logs a failed call for the author, with the stack; the host gets the message alone. */
export function explain(
  what: string,
  thrown: unknown,
  log: Logger,
  fields: LogFields = { handler: what },
): BulkheadError {
  if (isBulkheadError(thrown) && OF_ANSWER.has(thrown.code)) {
    log.error(thrown.message, { ...fields, code: thrown.code });
    return thrown;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  log.error(`the handler of ${what} failed: ${message}`, { ...fields, error: thrown });
  if (isBulkheadError(thrown) && thrown.code === ErrorCode.PROTOCOL_ERROR) return thrown;
  return new BulkheadError(
    ErrorCode.PLUGIN_ERROR,
    message === '' ? 'the handler failed without a message' : message,
    { cause: thrown },
  );
}

/**
 * A handler's result, unless it refused with `deny({…})`.
 *
 * @throws BulkheadError DENIED with the handler's violation; INVALID_ANSWER when that is none
 */
export function assertNotDenied(what: string, plugin: string, result: unknown): unknown {
  if (!isDenial(result)) return result;
  const violation = checkViolation({ name: what }, result.violation);
  throw new Refused(ErrorCode.DENIED, violation.reason, {
    violation: {
      plugin,
      code: violation.code,
      ...(violation.description === undefined ? {} : { description: violation.description }),
      ...(violation.http_status_code === undefined ? {} : { httpStatus: violation.http_status_code }),
    },
  });
}

/** What `deny` makes, and nothing that merely has such members among others. */
export function isDenial(result: unknown): result is { readonly kind: 'deny'; readonly violation: unknown } {
  return (
    isPlainObject(result) &&
    result['kind'] === 'deny' &&
    Object.hasOwn(result, 'violation') &&
    Object.keys(result).length === 2
  );
}
