export { assembleHost } from './assemble-host.js';
export { createHost } from './create-host.js';
export type { CreateHostOptions, HookInput, Host, HostParts, HostStatus } from './host.js';
export type {
  HostViolation,
  InvokeOptions,
  InvokeResult,
  Outcome,
  PluginRecord,
  RequestContext,
} from './dispatch/invocation.js';
export type { HookDescription, RegistrationDescription } from './dispatch/describe-hooks.js';
export type { DisabledPlugin } from './dispatch/rotation.js';
export { BulkheadError, ErrorCode, isBulkheadError, type Problem } from '@bulkhead/proto';
export { JsonText, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
export type { HookName, HookPayloads, User, Violation } from '@bulkhead/proto/rules';

export type { LifecycleEvent, LifecycleListener } from './lifecycle/events.js';
export type { Failure, Health, InstanceState } from './lifecycle/state.js';
export type { InstanceStatus, NotReady, PluginStatus } from './lifecycle/status.js';
export type { ApplyFailure, ApplyReport } from './lifecycle/supervisor.js';

export {
  createLogger,
  createSilentLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type RootLogger,
} from './telemetry/logger.js';
export {
  createMetrics,
  type Metrics,
  type MetricsSnapshot,
  type PluginMetricsSnapshot,
  type SeriesSnapshot,
} from './telemetry/metrics.js';

export type { HostConfig, HookConfig, Notice, PluginConfig } from './config/config.js';
export { systemClock, type Clock } from './clock.js';
