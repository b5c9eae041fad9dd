export { decodeInvokeResponse, encodeInvokeRequest } from './invoke-codec.js';
export {
  Capability,
  CheckHealthRequest,
  CheckHealthResponse,
  HandshakeRequest,
  HandshakeResponse,
  HealthState,
  InitializeRequest,
  InitializeResponse,
  PluginServiceDefinition,
  Registration,
  RegistrationKind,
  ShutdownRequest,
  ShutdownResponse,
} from './gen/bulkhead/plugin/v1/plugin.js';
export {
  CallContext,
  Decision,
  HookServiceDefinition,
  InvokeBatchRequest,
  InvokeBatchResponse,
  InvokeRequest,
  InvokeResponse,
  PipelineOutcome,
  User,
  Violation,
} from './gen/bulkhead/plugin/v1/hooks.js';
export { LinkServiceDefinition } from './gen/bulkhead/plugin/v1/link.js';
export {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthDefinition,
} from './gen/grpc/health/v1/health.js';
export {
  ConnInfo,
  Empty,
  GRPCBrokerDefinition,
  GRPCControllerDefinition,
  GRPCStdioDefinition,
  StdioData,
  StdioData_Channel,
  StdioEmpty,
} from './gen/plugin/go_plugin.js';
