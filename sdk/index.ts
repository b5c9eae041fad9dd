export {
  definePlugin,
  type Host,
  type Plugin,
  type PluginDefinition,
  type PluginSetup,
  type SetupContext,
} from './define-plugin.js';
export {
  degraded,
  deny,
  healthy,
  modify,
  unhealthy,
  type Deny,
  type HealthAnswer,
  type Modify,
} from './answers.js';
export type {
  AnyHookName,
  BatchContext,
  BatchHandlers,
  BatchItem,
  HookAnswer,
  HookChanges,
  HookHandlers,
  HookPayload,
} from './hook-handlers.js';
export type { HookContext, KeptValues, Outcome, RequestContext, WorkContext } from './hook-context.js';
export type {
  HookedObject,
  NewObject,
  ObjectChanges,
  ObjectHandlers,
  ObjectHookAnswer,
  ObjectHookContext,
  ObjectHookHandlers,
} from './object-hooks.js';
export type {
  CommandHandlers,
  EventHandler,
  EventHandlers,
  PluginEvent,
  RouteHandlers,
  RouteRequest,
  RouteResponse,
  RpcCaller,
  RpcContext,
  RpcHandlers,
  ScheduleHandlers,
  ScheduleRunInfo,
  ToolHandlers,
} from './contributions.js';
export type { HostServices } from './host/host-services.js';
export type { Page, PageOptions } from './host/page.js';
export type { Analytics, MetricInput, Usage, UsageQuery } from './host/analytics.js';
export type { Apps } from './host/apps.js';
export type { DatasourceQuery, Datasources, QueryResult } from './host/datasources.js';
export type { Events } from './host/events.js';
export type { Kv, KvEntry, KvKeyInfo, KvListOptions, KvWrite, KvWriteOptions } from './host/kv.js';
export type { Llms } from './host/llms.js';
export type {
  HostObject,
  HostObjectInput,
  ObjectListOptions,
  ObjectReader,
  ObjectWriteOptions,
  ObjectWriter,
} from './host/object-client.js';
export type { PluginCounts, PluginInfo, Plugins } from './host/plugins.js';
export type {
  RunListOptions,
  ScheduleInfo,
  ScheduleInput,
  ScheduleRunOutcome,
  ScheduleRunRecord,
  Schedules,
} from './host/schedules.js';
export type { SecretValue, Secrets } from './host/secrets.js';
export type { ExecuteOptions, ToolResult, Tools } from './host/tools.js';
export type { Users } from './host/users.js';
export type { ConnectOptions, HttpClient, HttpOptions, NetClient } from './network/client.js';
export type { LogFields, Logger, LogLevelName } from './logger.js';
export type { CustomHooks, PluginConfig, PluginTypes } from './plugin-types.js';
export { isBulkheadError } from './is-bulkhead-error.js';
export type { BulkheadError, ErrorCode, ErrorViolation } from '@bulkhead/proto';
export type {
  AppObject,
  DatasourceObject,
  HeaderMap,
  HookName,
  LlmObject,
  ObjectHook,
  ObjectShapes,
  ObjectType,
  ToolObject,
  ToolOperationObject,
  User,
  UserObject,
  Violation,
} from '@bulkhead/proto/rules';
export type { JsonObject, JsonValue, RawNumber } from '@bulkhead/proto/json';
