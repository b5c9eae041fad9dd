import { encodeMessage, type Decodes, type Encodes } from '@bulkhead/proto/host';
import type { HostCall, HostMethod } from '../sidecar/host-method.js';
import { readRequest } from '../sidecar/read-message.js';

/** A method by its messages. @throws BulkheadError INVALID_ARGUMENT for bytes that are no such request */
export function unary<Request, Response>(
  request: Decodes<Request>,
  response: Encodes<Response>,
  handle: (request: Request, call: HostCall) => Response | Promise<Response>,
): HostMethod['handle'] {
  return async (body, call) => encodeMessage(response, await handle(readRequest(request, body), call));
}
