export type { CallOptions } from './call-options.js';
export { Link, type IncomingCall, type LinkOptions, type ServedMethod, type UnaryHandler } from './link.js';
export { nativeCall } from './native-call.js';
export type { FrameStream } from './outbox.js';
export { Deadlines, type LinkClock } from './deadlines.js';
export type { Frame, LinkCall, LinkReply } from './frame.js';
export { linkServiceDefinition, openLinkStream, rawUnary } from './service.js';
export {
  errorToServiceError,
  errorToStatus,
  serviceErrorToError,
  statusToError,
  type WireStatus,
} from './status.js';
