import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { HookRefusal } from '../dispatch/hook-refusal.js';
import type { HostViolation, InvokeResult } from '../dispatch/invocation.js';

/** How a request is refused, whatever the protocol that says so. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly violation?: HostViolation;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a call that waits for an operator, or that one denied. */
  readonly approvalId?: string;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  [ErrorCode.INVALID_PAYLOAD]: 400,
  [ErrorCode.INVALID_ARGUMENT]: 400,
  [ErrorCode.UNAUTHENTICATED]: 401,
  [ErrorCode.FORBIDDEN]: 403,
  [ErrorCode.HOST_NOT_ALLOWED]: 403,
  [ErrorCode.ORIGIN_NOT_ALLOWED]: 403,
  [ErrorCode.TOOL_DENIED]: 403,
  [ErrorCode.APPROVAL_DENIED]: 403,
  [ErrorCode.APPROVAL_PENDING]: 409,
  [ErrorCode.CONFLICT]: 409,
  [ErrorCode.NOT_FOUND]: 404,
  [ErrorCode.UNKNOWN_HOOK]: 404,
  [ErrorCode.ROUTE_NOT_FOUND]: 404,
  [ErrorCode.UPSTREAM_NOT_FOUND]: 404,
  [ErrorCode.PAYLOAD_TOO_LARGE]: 413,
  [ErrorCode.UNSUPPORTED_MEDIA_TYPE]: 415,
  [ErrorCode.QUOTA_EXCEEDED]: 429,
  [ErrorCode.RATE_LIMITED]: 429,
  [ErrorCode.CANCELLED]: 499,
  [ErrorCode.PLUGIN_ERROR]: 502,
  [ErrorCode.INVALID_ANSWER]: 502,
  [ErrorCode.TOOL_FAILED]: 502,
  [ErrorCode.PLUGIN_EXITED]: 503,
  [ErrorCode.SHUTTING_DOWN]: 503,
  [ErrorCode.STORE_UNAVAILABLE]: 503,
  [ErrorCode.STORE_BUSY]: 503,
  [ErrorCode.PLUGIN_UNAVAILABLE]: 503,
  [ErrorCode.PLUGIN_OVERLOADED]: 503,
  [ErrorCode.UPSTREAM_UNAVAILABLE]: 503,
  [ErrorCode.DEADLINE_EXCEEDED]: 504,
};

const FRAMING = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// Visible ASCII and Latin-1, spaces and tabs: what a header value may hold.
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A refusal that a plugin's answer to a hook caused; thrown inside the gateway. */
export class RefusedError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.name = 'RefusedError';
    this.refusal = refusal;
  }
}

/** Headers that a plugin wants on a response, without those that frame the message or set cookies. */
export function plainHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (HEADER_NAME.test(lower) && !FRAMING.has(lower) && HEADER_VALUE.test(value)) kept[lower] = value;
  }
  return kept;
}

/** @param deniedStatus the status of a denial that names none */
export function refusalOf(result: Extract<InvokeResult, { allowed: false }>, deniedStatus = 403): Refusal {
  const { violation, refusal } = result;
  const failed = violation.code === ErrorCode.PAYLOAD_TOO_LARGE ? 413 : 503;
  return {
    status: violation.http_status_code ?? (refusal === 'denied' ? deniedStatus : failed),
    code: violation.code,
    message: violation.reason,
    violation,
    headers: plainHeaders(violation.http_headers ?? {}),
  };
}

/** A refusal for any thrown value. What is not a known error is INTERNAL, and its text stays inside. */
export function refusalFor(thrown: unknown): Refusal {
  if (thrown instanceof RefusedError) return thrown.refusal;
  if (thrown instanceof HookRefusal) return refusalOf(thrown.result);
  if (isBulkheadError(thrown) && thrown.code !== ErrorCode.INTERNAL) {
    const approval = isAboutApproval(thrown) ? { approvalId: thrown.field ?? '' } : {};
    const { code, message } = thrown;
    return { status: STATUS[code] ?? 500, code, message, headers: headersFor(thrown), ...approval };
  }
  return fastifyRefusal(thrown) ?? internal();
}

function isAboutApproval({ code, field }: BulkheadError): boolean {
  return field !== undefined && (code === ErrorCode.APPROVAL_PENDING || code === ErrorCode.APPROVAL_DENIED);
}

function headersFor({ code, retryAfterMs }: BulkheadError): Record<string, string> {
  return {
    ...(code === ErrorCode.UNAUTHENTICATED ? { 'www-authenticate': 'Bearer' } : {}),
    // Whole seconds; a client that comes a little later is not refused again.
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }),
  };
}

function internal(): Refusal {
  const { code, message } = new BulkheadError(
    ErrorCode.INTERNAL,
    'the gateway failed; the log has the reason under this request id',
  );
  return { status: 500, code, message };
}

/** The faults that fastify finds before any handler runs. */
function fastifyRefusal(thrown: unknown): Refusal | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown) || typeof thrown.statusCode !== 'number')
    return undefined;
  const { statusCode: status, message } = thrown;
  if (status === 413) {
    return {
      status,
      code: ErrorCode.PAYLOAD_TOO_LARGE,
      message: 'the request body is larger than limits.max_body_bytes allows',
    };
  }
  if (status === 415) {
    const expected = 'the body must be JSON: send content-type: application/json';
    return { status, code: ErrorCode.UNSUPPORTED_MEDIA_TYPE, message: expected };
  }
  if (status >= 400 && status < 500) return { status, code: ErrorCode.INVALID_PAYLOAD, message };
  return undefined;
}
