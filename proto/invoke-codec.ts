import { BoundedReader, decodeMessage } from './decode-message.js';
import { encodeMessage } from './encode-message.js';
import { InvokeRequest, InvokeResponse } from './gen/bulkhead/plugin/v1/hooks.js';

/** `InvokeRequest.encode`, for the path that every call takes. */
export function encodeInvokeRequest(request: InvokeRequest): Uint8Array {
  return encodeMessage(InvokeRequest, request);
}

const NOTHING: Readonly<Record<string, string>> = Object.freeze({});

/** What no bytes mean: allowed, unchanged, nothing to keep. */
const ALLOWED: InvokeResponse = Object.freeze({
  ...InvokeResponse.decode(new Uint8Array(0)),
  state: NOTHING,
  shared: NOTHING,
  metadata: NOTHING,
});

/** Smaller answers cannot hold enough to be dear. */
const MAX_UNCHECKED_BYTES = 64 * 1024;
/** Names in `changed` and entries of state, shared and metadata, together. */
const MAX_ENTRIES = 10_000;
const MAX_VIOLATION_BYTES = 256 * 1024;
const VIOLATION_FIELD = 4;

/** An object of a hundred thousand members costs far more than its bytes; a look at the tags costs little. */
function assertModest(body: Uint8Array): void {
  const reader = new BoundedReader(body);
  let entries = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const from = reader.pos;
    reader.skip(type, field);
    if (field === VIOLATION_FIELD && reader.pos - from > MAX_VIOLATION_BYTES) {
      throw new RangeError(`a violation of more than ${MAX_VIOLATION_BYTES} bytes`);
    }
    // A payload counts too: there is one, and whoever sends thousands means no good.
    if (++entries > MAX_ENTRIES) {
      throw new RangeError(`more than ${MAX_ENTRIES} names and entries`);
    }
  }
}

/**
 * `InvokeResponse.decode`; the answer of a plugin without an opinion is one shared object that must not be written to.
 *
 * @throws Error when the bytes are no such message, or one of absurdly many entries
 */
export function decodeInvokeResponse(body: Uint8Array): InvokeResponse {
  if (body.length === 0) return ALLOWED;
  if (body.length > MAX_UNCHECKED_BYTES) assertModest(body);
  return decodeMessage(InvokeResponse, body);
}
