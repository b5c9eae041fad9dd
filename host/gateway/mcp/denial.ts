import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';
import { refusalFor, type Refusal } from '../refusal.js';

/** JSON-RPC codes that the gateway gives where nothing else names one. docs/denials.md has the table. */
export const McpCode = {
  /** A plugin refused, or a guard could not answer. */
  DENIED: -32_050,
  /** The upstream server, or the plugin, is down or has too much to do. */
  UPSTREAM_UNAVAILABLE: -32_051,
  /** The upstream server did not answer in time. */
  DEADLINE_EXCEEDED: -32_052,
  /** The call waits for an operator's approval. */
  APPROVAL_PENDING: -32_053,
} as const;

export interface DenialPolicy {
  readonly denyAs: 'error' | 'result';
  readonly exposeViolationDetails: boolean;
}

/** What a refused client is told beside code and message. */
export function denialData(refusal: Refusal, requestId: string, withDetails: boolean): JsonObject {
  const { violation } = refusal;
  return {
    code: refusal.code,
    ...(refusal.approvalId === undefined ? {} : { approval_id: refusal.approvalId }),
    ...(violation?.description === undefined ? {} : { description: violation.description }),
    ...(violation === undefined ? {} : { plugin: violation.plugin }),
    ...(withDetails && violation?.details !== undefined ? { details: violation.details as JsonObject } : {}),
    request_id: requestId,
  };
}

export function denialError(refusal: Refusal, requestId: string, policy: DenialPolicy): RpcError {
  const code = refusal.violation?.mcp_error_code ?? McpCode.DENIED;
  return new RpcError(code, sentence(refusal), denialData(refusal, requestId, policy.exposeViolationDetails));
}

/** Many clients show the message alone, so it names the code too. */
function sentence(refusal: Refusal): string {
  return `${refusal.code}: ${refusal.message}`;
}

/** A denial as a tool's result, for clients that show results but not errors. */
export function denialResult(refusal: Refusal, requestId: string, policy: DenialPolicy): JsonObject {
  return {
    content: [{ type: 'text', text: sentence(refusal) }],
    isError: true,
    _meta: { 'bulkhead/denial': denialData(refusal, requestId, policy.exposeViolationDetails) },
  };
}

/** Any thrown value as the JSON-RPC error that the client gets. */
export function rpcErrorFor(thrown: unknown, requestId: string, policy: DenialPolicy): RpcError {
  if (thrown instanceof RpcError) return thrown;
  const refusal = refusalFor(thrown);
  if (refusal.violation !== undefined) return denialError(refusal, requestId, policy);
  const code = isBulkheadError(thrown) ? codeOf(thrown.code) : RpcCode.INTERNAL_ERROR;
  return new RpcError(code, refusal.message, denialData(refusal, requestId, false));
}

function codeOf(code: ErrorCode): number {
  switch (code) {
    case ErrorCode.UPSTREAM_UNAVAILABLE:
    case ErrorCode.PLUGIN_UNAVAILABLE:
    case ErrorCode.PLUGIN_OVERLOADED:
      return McpCode.UPSTREAM_UNAVAILABLE;
    case ErrorCode.DEADLINE_EXCEEDED:
      return McpCode.DEADLINE_EXCEEDED;
    case ErrorCode.APPROVAL_PENDING:
      return McpCode.APPROVAL_PENDING;
    case ErrorCode.INVALID_PAYLOAD:
    case ErrorCode.INVALID_ARGUMENT:
      return RpcCode.INVALID_PARAMS;
    case ErrorCode.PAYLOAD_TOO_LARGE:
    case ErrorCode.FORBIDDEN:
    case ErrorCode.TOOL_DENIED:
    case ErrorCode.APPROVAL_DENIED:
    case ErrorCode.QUOTA_EXCEEDED:
      return McpCode.DENIED;
    default:
      return RpcCode.INTERNAL_ERROR;
  }
}
