import type { HostViolation } from '../dispatch/invocation.js';

/** A violation as callers may see it: `details` only when the operator says so. */
export function exposeViolation(violation: HostViolation, withDetails: boolean): Record<string, unknown> {
  const {
    code,
    reason,
    description,
    plugin,
    http_status_code: status,
    mcp_error_code: mcp,
    details,
  } = violation;
  return {
    code,
    reason,
    ...(description === undefined ? {} : { description }),
    plugin,
    ...(status === undefined ? {} : { http_status_code: status }),
    ...(mcp === undefined ? {} : { mcp_error_code: mcp }),
    ...(withDetails && details !== undefined ? { details } : {}),
  };
}
