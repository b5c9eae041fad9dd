import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { InvokeRequest, InvokeResponse } from './gen/bulkhead/plugin/v1/hooks.js';

/** Above this a request gets a writer of its own, so that one large payload does not stay in memory for ever. */
const MAX_SHARED_BYTES = 64 * 1024;

// A writer keeps its buffer between messages; a new one per call would grow one from nothing each time.
let shared = new BinaryWriter();

/** `InvokeRequest.encode`, for the path that every call takes. */
export function encodeInvokeRequest(request: InvokeRequest): Uint8Array {
  if (request.payload.length > MAX_SHARED_BYTES) return InvokeRequest.encode(request).finish();
  try {
    return InvokeRequest.encode(request, shared).finish();
  } catch (error) {
    // It stopped halfway and holds the half.
    shared = new BinaryWriter();
    throw error;
  }
}

const NOTHING: Readonly<Record<string, string>> = Object.freeze({});

/** What no bytes mean: allowed, unchanged, nothing to keep. */
const ALLOWED: InvokeResponse = Object.freeze({
  ...InvokeResponse.decode(new Uint8Array(0)),
  state: NOTHING,
  shared: NOTHING,
  metadata: NOTHING,
});

/**
 * `InvokeResponse.decode`; the answer of a plugin without an opinion is one shared object that must not be written to.
 *
 * @throws Error when the bytes are no such message
 */
export function decodeInvokeResponse(body: Uint8Array): InvokeResponse {
  return body.length === 0 ? ALLOWED : InvokeResponse.decode(body);
}
