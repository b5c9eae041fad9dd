import { exposeViolation } from './exposure.js';
import type { GatewayRequest } from './gateway-request.js';
import { denialData, McpCode } from './mcp/denial.js';
import type { Refusal } from './refusal.js';

/** One shape for every refusal; under /mcp it is a JSON-RPC error. */
export function refusalBody(request: GatewayRequest, refusal: Refusal, withDetails: boolean): object {
  if (request.path === '/mcp' || request.path.startsWith('/mcp/')) {
    const code = refusal.violation?.mcp_error_code ?? McpCode.DENIED;
    const data = denialData(refusal, request.requestId, withDetails);
    return { jsonrpc: '2.0', id: null, error: { code, message: refusal.message, data } };
  }
  const { violation } = refusal;
  return {
    error: {
      ...(violation === undefined ? {} : exposeViolation(violation, withDetails)),
      code: refusal.code,
      message: refusal.message,
      request_id: request.requestId,
    },
  };
}
