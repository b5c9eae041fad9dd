import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { encodeMessage, type Encodes } from '@bulkhead/proto/host';
import type { HostCall, HostMethod } from '../sidecar/host-method.js';

/** What of a generated message is needed to take one in. */
export interface Decodes<Message> {
  decode(bytes: Uint8Array): Message;
}

/** A method by its messages. @throws BulkheadError INVALID_ARGUMENT for bytes that are no such request */
export function unary<Request, Response>(
  request: Decodes<Request>,
  response: Encodes<Response>,
  handle: (request: Request, call: HostCall) => Response | Promise<Response>,
): HostMethod['handle'] {
  return async (body, call) => {
    let given: Request;
    try {
      given = request.decode(body);
    } catch (error) {
      throw new BulkheadError(
        ErrorCode.INVALID_ARGUMENT,
        'expected the request of this method, got other bytes',
        {
          cause: error,
        },
      );
    }
    return encodeMessage(response, await handle(given, call));
  };
}
