import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InvokeResult } from './invocation.js';

export type RefusedResult = Extract<InvokeResult, { allowed: false }>;

/** A hook refused what was being done; whoever speaks to the caller says it in its protocol. */
export class HookRefusal extends Error {
  readonly result: RefusedResult;

  constructor(result: RefusedResult) {
    super(result.violation.reason);
    this.name = 'HookRefusal';
    this.result = result;
  }
}

/** The refusal as an error that crosses the wire: DENIED with the violation, or the code of the guard that failed. */
export function errorOfRefusal({ result }: HookRefusal): BulkheadError {
  const { violation, refusal } = result;
  const { plugin, code, reason, description, http_status_code: httpStatus } = violation;
  const known = Object.values(ErrorCode).find((member) => member === code);
  if (refusal === 'failed' && known !== undefined) return new BulkheadError(known, reason);
  return new BulkheadError(ErrorCode.DENIED, reason, {
    violation: {
      plugin,
      code,
      ...(description === undefined ? {} : { description }),
      ...(httpStatus === undefined ? {} : { httpStatus }),
    },
  });
}
