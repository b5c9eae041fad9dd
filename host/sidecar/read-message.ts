import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { decodeMessage, type Decodes } from '@bulkhead/proto/host';

// Whatever a plugin sends is decoded here: a message that is within the link's limit may still be made to cost seconds.
// A test holds that no file of the host decodes by itself.

/** What a plugin asks. @throws BulkheadError INVALID_ARGUMENT, MESSAGE_TOO_LARGE */
export function readRequest<Message>(type: Decodes<Message>, body: Uint8Array): Message {
  try {
    return decodeMessage(type, body);
  } catch (error) {
    if (isBulkheadError(error)) throw error;
    throw new BulkheadError(
      ErrorCode.INVALID_ARGUMENT,
      'expected the request of this method, got other bytes',
      { cause: error },
    );
  }
}

/** What a plugin answers. @throws BulkheadError INVALID_ANSWER */
export function readAnswer<Message>(type: Decodes<Message>, bytes: Uint8Array): Message {
  try {
    return decodeMessage(type, bytes);
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.INVALID_ANSWER,
      isBulkheadError(error)
        ? `the plugin's answer: ${error.message}`
        : 'expected the answer of this method, got other bytes',
      { cause: error },
    );
  }
}
