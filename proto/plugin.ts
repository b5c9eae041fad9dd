export { decodeMessage, type Decodes } from './decode-message.js';
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
export {
  InvokeObjectHookRequest,
  InvokeObjectHookResponse,
  ObjectHookServiceClientImpl,
  ObjectHookServiceDefinition,
} from './gen/bulkhead/plugin/v1/object_hooks.js';
export {
  CallRpcRequest,
  CallRpcResponse,
  ExecuteToolRequest,
  ExecuteToolResponse,
  HandleRouteRequest,
  HandleRouteResponse,
  Header,
  RouteServiceClientImpl,
  RouteServiceDefinition,
  RpcCaller,
  RunCommandRequest,
  RunCommandResponse,
  ToolServiceClientImpl,
  ToolServiceDefinition,
} from './gen/bulkhead/plugin/v1/contributions.js';
export {
  DeliverEventsRequest,
  DeliverEventsResponse,
  Event,
  EventServiceClientImpl,
  EventServiceDefinition,
} from './gen/bulkhead/plugin/v1/events.js';
export {
  RunScheduleRequest,
  RunScheduleResponse,
  ScheduleServiceClientImpl,
  ScheduleServiceDefinition,
} from './gen/bulkhead/plugin/v1/schedules.js';
