export type { CallOptions } from './call-options.js';
export { Link, type LinkOptions } from './link.js';
export { nativeCall } from './native-call.js';
export type { IncomingCall, ServedMethod, UnaryHandler } from './incoming-calls.js';
export type { FrameStream } from './outbox.js';
export { Deadlines, type LinkClock } from './deadlines.js';
export {
  MAX_CALLS_UNDER_WAY,
  MAX_WHOLE_BODY_BYTES,
  type Frame,
  type LinkCall,
  type LinkPart,
  type LinkReply,
} from './frame.js';
export { linkServiceDefinition, openLinkStream, rawUnary, type Traffic } from './service.js';
export {
  errorToServiceError,
  errorToStatus,
  serviceErrorToError,
  statusToError,
  type WireStatus,
} from './status.js';
