export { NO_SCOPE, scopesOf, type ScopedService } from './scopes.js';
export { ErrorDetail } from './gen/bulkhead/v1/error.js';
export {
  LogLevel,
  LogLine,
  LogServiceClientImpl,
  LogServiceDefinition,
  WriteRequest,
  WriteResponse,
} from './gen/bulkhead/host/v1/log.js';
