import { parseJson, stringifyJson } from '@bulkhead/proto/json';
import { isPlainObject, type Violation } from '@bulkhead/proto/rules';
import type { Violation as WireViolation } from '@bulkhead/proto/plugin';

/** A checked violation as it crosses. */
export function violationToWire(violation: Violation): WireViolation {
  return {
    code: violation.code,
    reason: violation.reason,
    description: violation.description ?? '',
    detailsJson: violation.details === undefined ? '' : stringifyJson(violation.details),
    httpStatusCode: violation.http_status_code ?? 0,
    httpHeaders: { ...violation.http_headers },
    mcpErrorCode: violation.mcp_error_code ?? 0,
  };
}

/** A violation from the wire; what was left out there is left out here. */
export function violationFromWire(wire: WireViolation): Violation {
  const details: unknown = wire.detailsJson === '' ? undefined : parseJson(wire.detailsJson);
  return {
    code: wire.code,
    reason: wire.reason,
    ...(wire.description === '' ? {} : { description: wire.description }),
    ...(isPlainObject(details) ? { details } : {}),
    ...(wire.httpStatusCode === 0 ? {} : { http_status_code: wire.httpStatusCode }),
    ...(Object.keys(wire.httpHeaders).length === 0 ? {} : { http_headers: wire.httpHeaders }),
    ...(wire.mcpErrorCode === 0 ? {} : { mcp_error_code: wire.mcpErrorCode }),
  };
}
