import { BulkheadError, ErrorCode, type ErrorViolation, type Problem } from '@bulkhead/proto';
import type { FastifyInstance } from 'fastify';

/** How the control plane tells of an error. */
export interface ErrorAnswer {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly problems: readonly Problem[];
    /** Of DENIED. */
    readonly violation?: {
      readonly plugin: string;
      readonly code: string;
      readonly description?: string;
      readonly http_status_code?: number;
    };
    readonly retry_after_ms?: number;
  };
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  [ErrorCode.PLUGIN_NOT_FOUND]: 404,
  [ErrorCode.USAGE]: 400,
  [ErrorCode.INVALID_ARGUMENT]: 400,
  [ErrorCode.INVALID_PAYLOAD]: 400,
  [ErrorCode.UNAUTHENTICATED]: 401,
  [ErrorCode.FORBIDDEN]: 403,
  [ErrorCode.PERMISSION_DENIED]: 403,
  [ErrorCode.TOOL_DENIED]: 403,
  [ErrorCode.APPROVAL_DENIED]: 403,
  [ErrorCode.NOT_FOUND]: 404,
  [ErrorCode.PAYLOAD_TOO_LARGE]: 413,
  [ErrorCode.UNSUPPORTED_MEDIA_TYPE]: 415,
  [ErrorCode.DENIED]: 422,
  [ErrorCode.RATE_LIMITED]: 429,
  [ErrorCode.INVALID_ANSWER]: 502,
  [ErrorCode.PLUGIN_ERROR]: 502,
  [ErrorCode.PLUGIN_EXITED]: 503,
  [ErrorCode.PLUGIN_UNAVAILABLE]: 503,
  [ErrorCode.PLUGIN_OVERLOADED]: 503,
  [ErrorCode.STORE_UNAVAILABLE]: 503,
  [ErrorCode.STORE_BUSY]: 503,
  [ErrorCode.STORE_FULL]: 507,
  [ErrorCode.STORE_CORRUPT]: 500,
  [ErrorCode.DEADLINE_EXCEEDED]: 504,
  [ErrorCode.HOST_NOT_ALLOWED]: 403,
  [ErrorCode.ORIGIN_NOT_ALLOWED]: 403,
  [ErrorCode.SHUTTING_DOWN]: 503,
  [ErrorCode.INTERNAL]: 500,
};

/** What a valid request could not have done now. */
const CONFLICT = 409;
/** If-Match named something else. */
const PRECONDITION_FAILED = 412;

/** Answers every error, wrong paths and wrong parameters too, in one shape. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = isValidation(thrown)
      ? new BulkheadError(ErrorCode.USAGE, thrown.message)
      : BulkheadError.from(thrown);
    const status = statusOf(error, request.headers['if-match'] !== undefined);
    await reply.code(status).send(toErrorAnswer(error));
  });
  app.setNotFoundHandler(async (request, reply) => {
    const error = new BulkheadError(
      ErrorCode.USAGE,
      `Nothing answers ${request.method} ${request.url} here.`,
    );
    await reply.code(404).send(toErrorAnswer(error));
  });
}

function statusOf({ code, field, violation }: BulkheadError, conditional: boolean): number {
  if (code === ErrorCode.CONFLICT && field === 'etag' && conditional) return PRECONDITION_FAILED;
  return violation?.httpStatus ?? STATUS[code] ?? CONFLICT;
}

function toErrorAnswer(error: BulkheadError): ErrorAnswer {
  const { code, message, problems, violation, retryAfterMs } = error;
  return {
    error: {
      code,
      message,
      problems,
      ...(violation === undefined ? {} : { violation: toJson(violation) }),
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(retryAfterMs) }),
    },
  };
}

function toJson({ plugin, code, description, httpStatus }: ErrorViolation) {
  return {
    plugin,
    code,
    ...(description === undefined ? {} : { description }),
    ...(httpStatus === undefined ? {} : { http_status_code: httpStatus }),
  };
}

function isValidation(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'statusCode' in thrown && thrown.statusCode === 400;
}
