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
export type { HookContext, KeptValues, Outcome } from './hook-context.js';
export type { ConnectOptions, HttpClient, HttpOptions, NetClient } from './network/client.js';
export type { LogFields, Logger, LogLevelName } from './logger.js';
export type { CustomHooks, PluginConfig, PluginTypes } from './plugin-types.js';
export type { HeaderMap, HookName, User, Violation } from '@bulkhead/proto/rules';
export type { JsonObject, JsonValue, RawNumber } from '@bulkhead/proto/json';
