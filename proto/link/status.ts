import { status as GrpcStatus, Metadata, type ServiceError } from '@grpc/grpc-js';
import { decodeMessage } from '../decode-message.js';
import { ErrorDetail } from '../gen/bulkhead/v1/error.js';
import { BulkheadError, ErrorCode } from '../errors.js';

/** Key of the typed detail in the trailers of a native RPC. */
const DETAIL_KEY = 'bulkhead-error-bin';

const STATUS_OF: Partial<Record<ErrorCode, GrpcStatus>> = {
  DEADLINE_EXCEEDED: GrpcStatus.DEADLINE_EXCEEDED,
  CANCELLED: GrpcStatus.CANCELLED,
  PLUGIN_UNAVAILABLE: GrpcStatus.UNAVAILABLE,
  PLUGIN_EXITED: GrpcStatus.UNAVAILABLE,
  SHUTTING_DOWN: GrpcStatus.UNAVAILABLE,
  PLUGIN_OVERLOADED: GrpcStatus.RESOURCE_EXHAUSTED,
  MESSAGE_TOO_LARGE: GrpcStatus.RESOURCE_EXHAUSTED,
  UNKNOWN_METHOD: GrpcStatus.UNIMPLEMENTED,
  UNKNOWN_HOOK: GrpcStatus.UNIMPLEMENTED,
  PERMISSION_DENIED: GrpcStatus.PERMISSION_DENIED,
  RATE_LIMITED: GrpcStatus.RESOURCE_EXHAUSTED,
  QUOTA_EXCEEDED: GrpcStatus.RESOURCE_EXHAUSTED,
  NOT_FOUND: GrpcStatus.NOT_FOUND,
  ALREADY_EXISTS: GrpcStatus.ALREADY_EXISTS,
  CONFLICT: GrpcStatus.ABORTED,
  INVALID_ARGUMENT: GrpcStatus.INVALID_ARGUMENT,
  STORE_UNAVAILABLE: GrpcStatus.UNAVAILABLE,
  STORE_BUSY: GrpcStatus.UNAVAILABLE,
  STORE_FULL: GrpcStatus.RESOURCE_EXHAUSTED,
  STORE_CORRUPT: GrpcStatus.DATA_LOSS,
  QUERY_FAILED: GrpcStatus.FAILED_PRECONDITION,
  TOOL_FAILED: GrpcStatus.FAILED_PRECONDITION,
  TOOL_DENIED: GrpcStatus.PERMISSION_DENIED,
  APPROVAL_PENDING: GrpcStatus.FAILED_PRECONDITION,
  APPROVAL_DENIED: GrpcStatus.PERMISSION_DENIED,
  DENIED: GrpcStatus.PERMISSION_DENIED,
  INVALID_PAYLOAD: GrpcStatus.INVALID_ARGUMENT,
  CONFIG_INVALID: GrpcStatus.INVALID_ARGUMENT,
  REGISTRATION_MISMATCH: GrpcStatus.FAILED_PRECONDITION,
  PROTOCOL_INCOMPATIBLE: GrpcStatus.FAILED_PRECONDITION,
  INTERNAL: GrpcStatus.INTERNAL,
  PROTOCOL_ERROR: GrpcStatus.INTERNAL,
};

const CODE_OF: Partial<Record<GrpcStatus, ErrorCode>> = {
  [GrpcStatus.DEADLINE_EXCEEDED]: ErrorCode.DEADLINE_EXCEEDED,
  [GrpcStatus.CANCELLED]: ErrorCode.CANCELLED,
  [GrpcStatus.UNAVAILABLE]: ErrorCode.PLUGIN_UNAVAILABLE,
  [GrpcStatus.RESOURCE_EXHAUSTED]: ErrorCode.MESSAGE_TOO_LARGE,
  [GrpcStatus.UNIMPLEMENTED]: ErrorCode.UNKNOWN_METHOD,
  [GrpcStatus.PERMISSION_DENIED]: ErrorCode.PERMISSION_DENIED,
  [GrpcStatus.NOT_FOUND]: ErrorCode.NOT_FOUND,
  [GrpcStatus.ALREADY_EXISTS]: ErrorCode.ALREADY_EXISTS,
  [GrpcStatus.ABORTED]: ErrorCode.CONFLICT,
  [GrpcStatus.INVALID_ARGUMENT]: ErrorCode.INVALID_ARGUMENT,
};

/** An error as it crosses: status, message and the encoded detail. */
export interface WireStatus {
  readonly status: GrpcStatus;
  readonly message: string;
  readonly detail: Uint8Array;
}

/** Bounds what a thrown text can cost the other side, in UTF-16 units; held to on both. */
const MAX_MESSAGE = 4096;

export function errorToStatus(thrown: unknown): WireStatus {
  const error = BulkheadError.from(thrown, ErrorCode.PLUGIN_ERROR);
  const message = error.message.slice(0, MAX_MESSAGE);
  const detail = ErrorDetail.encode({
    code: error.code,
    message,
    field: error.field ?? '',
    retryable: error.retryable,
    retryAfterMs: Math.ceil(error.retryAfterMs ?? 0),
    violationPlugin: error.violation?.plugin ?? '',
    violationCode: error.violation?.code ?? '',
    violationDescription: error.violation?.description?.slice(0, MAX_MESSAGE) ?? '',
    violationHttpStatus: error.violation?.httpStatus ?? 0,
  }).finish();
  return { status: STATUS_OF[error.code] ?? GrpcStatus.UNKNOWN, message, detail };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ErrorCode, code);
}

function isErrorStatus(status: number): boolean {
  return status >= 400 && status <= 599;
}

/** The typed error behind a status; without a readable detail the status alone decides the code. */
export function statusToError(status: number, message: string, detail: Uint8Array): BulkheadError {
  const fallback = CODE_OF[status as GrpcStatus] ?? ErrorCode.PLUGIN_ERROR;
  if (detail.length > 0) {
    try {
      const typed = decodeMessage(ErrorDetail, detail);
      if (isErrorCode(typed.code)) {
        return new BulkheadError(typed.code, typed.message.slice(0, MAX_MESSAGE), {
          retryable: typed.retryable,
          ...(typed.violationCode === ''
            ? {}
            : {
                violation: {
                  plugin: typed.violationPlugin.slice(0, MAX_MESSAGE),
                  code: typed.violationCode.slice(0, MAX_MESSAGE),
                  ...(typed.violationDescription === ''
                    ? {}
                    : { description: typed.violationDescription.slice(0, MAX_MESSAGE) }),
                  ...(isErrorStatus(typed.violationHttpStatus)
                    ? { httpStatus: typed.violationHttpStatus }
                    : {}),
                },
              }),
          ...(typed.retryAfterMs === 0 ? {} : { retryAfterMs: typed.retryAfterMs }),
          ...(typed.field === '' ? {} : { field: typed.field.slice(0, MAX_MESSAGE) }),
        });
      }
    } catch {
      // An unreadable detail says no more than the status does.
    }
  }
  return new BulkheadError(
    fallback,
    message === '' ? 'the call failed and gave no reason' : message.slice(0, MAX_MESSAGE),
    {
      retryable: status === GrpcStatus.UNAVAILABLE,
    },
  );
}

/** The same for an error of a native RPC. */
export function serviceErrorToError(error: ServiceError): BulkheadError {
  const detail = (error.metadata as Metadata | undefined)?.get(DETAIL_KEY)[0];
  return statusToError(error.code, error.details, Buffer.isBuffer(detail) ? detail : new Uint8Array(0));
}

/** What a native handler passes to its callback. */
export function errorToServiceError(thrown: unknown): Partial<ServiceError> {
  const { status, message, detail } = errorToStatus(thrown);
  const metadata = new Metadata();
  metadata.set(DETAIL_KEY, Buffer.from(detail.buffer, detail.byteOffset, detail.byteLength));
  return { code: status, details: message, metadata };
}
