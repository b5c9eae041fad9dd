export { scope } from './gen/bulkhead/v1/scope.js';
export { ErrorDetail } from './gen/bulkhead/v1/error.js';
export {
  LogLevel,
  LogLine,
  LogServiceClientImpl,
  LogServiceDefinition,
  WriteRequest,
  WriteResponse,
} from './gen/bulkhead/host/v1/log.js';
