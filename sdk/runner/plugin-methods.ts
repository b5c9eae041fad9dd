import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { APP_VERSION } from '@bulkhead/proto/handshake';
import type { ServedMethod } from '@bulkhead/proto/link';
import {
  Capability,
  CheckHealthResponse,
  EventServiceDefinition,
  HandshakeRequest,
  HandshakeResponse,
  HookServiceDefinition,
  InitializeRequest,
  InitializeResponse,
  ObjectHookServiceDefinition,
  PluginServiceDefinition,
  RouteServiceDefinition,
  ScheduleServiceDefinition,
  ShutdownRequest,
  ShutdownResponse,
  ToolServiceDefinition,
} from '@bulkhead/proto/plugin';
import type { PluginRuntime } from '../runtime/plugin-runtime.js';
import type { LoopDelay } from './loop-delay.js';

/** Drain time when a Shutdown names none, in milliseconds. */
export const DEFAULT_DRAIN_MS = 5_000;

export interface MethodOptions {
  readonly runtime: PluginRuntime;
  readonly loopDelay: LoopDelay;
  /** The SDK and its version, for the host's logs. */
  readonly sdk: string;
  readonly pid: number;
  /** Hears what the host serves on the link. */
  readonly onHandshake: (hostMethods: readonly string[]) => void;
  /** Hears that the process has nothing left to do once the answer is out. */
  readonly onShutdown: () => void;
}

const path = (service: { readonly fullName: string }, method: { readonly name: string }): string =>
  `/${service.fullName}/${method.name}`;

/** Every unary method of a plugin process, bytes in, bytes out; served natively and, by position, on the link. */
export function createPluginMethods(options: MethodOptions): readonly ServedMethod[] {
  const { runtime } = options;
  const hooks = HookServiceDefinition;
  const life = PluginServiceDefinition;
  const objects = ObjectHookServiceDefinition;
  const tools = ToolServiceDefinition;
  const routes = RouteServiceDefinition;
  const served: readonly ServedMethod[] = [
    {
      path: path(hooks, hooks.methods.invoke),
      handler: (body, call) => runtime.invoke(body, call),
    },
    {
      path: path(hooks, hooks.methods.invokeBatch),
      handler: (body, call) => runtime.invokeBatch(body, call),
    },
    {
      path: path(objects, objects.methods.invokeObjectHook),
      handler: (body, call) => runtime.invokeObjectHook(body, call),
    },
    {
      path: path(tools, tools.methods.executeTool),
      handler: (body, call) => runtime.executeTool(body, call),
    },
    {
      path: path(tools, tools.methods.runCommand),
      handler: (body, call) => runtime.runCommand(body, call),
    },
    {
      path: path(routes, routes.methods.handleRoute),
      handler: (body, call) => runtime.handleRoute(body, call),
    },
    {
      path: path(routes, routes.methods.callRpc),
      handler: (body, call) => runtime.callRpc(body, call),
    },
    {
      path: path(ScheduleServiceDefinition, ScheduleServiceDefinition.methods.runSchedule),
      handler: (body, call) => runtime.runSchedule(body, call),
    },
    {
      path: path(EventServiceDefinition, EventServiceDefinition.methods.deliverEvents),
      handler: (body, call) => runtime.deliverEvents(body, call),
    },
    {
      path: path(life, life.methods.checkHealth),
      handler: async () => {
        const { state, message } = await runtime.health();
        return CheckHealthResponse.encode({
          state,
          message,
          eventLoopDelayP99Us: options.loopDelay.takeP99Us(),
          inFlight: runtime.inFlight,
        }).finish();
      },
    },
    {
      path: path(life, life.methods.handshake),
      handler: (body) => {
        const request = HandshakeRequest.decode(body);
        assertVersion(request.apiVersions);
        options.onHandshake(request.hostMethods);
        return HandshakeResponse.encode({
          apiVersion: APP_VERSION,
          sdk: options.sdk,
          capabilities: [
            Capability.CAPABILITY_HOOKS_V1,
            Capability.CAPABILITY_LINK_V1,
            Capability.CAPABILITY_OBJECTS_V1,
            Capability.CAPABILITY_EVENTS_V1,
            Capability.CAPABILITY_RPC_V1,
          ],
          pluginMethods: served.map((method) => method.path),
          pid: options.pid,
        }).finish();
      },
    },
    {
      path: path(life, life.methods.initialize),
      handler: async (body) =>
        InitializeResponse.encode(await runtime.initialize(InitializeRequest.decode(body))).finish(),
    },
    {
      path: path(life, life.methods.shutdown),
      handler: async (body) => {
        const request = ShutdownRequest.decode(body);
        await runtime.shutdown(request.drainTimeoutMs || DEFAULT_DRAIN_MS, request.reason);
        options.onShutdown();
        return ShutdownResponse.encode({}).finish();
      },
    },
  ];
  return served;
}

function assertVersion(offered: readonly number[]): void {
  if (offered.includes(APP_VERSION)) return;
  throw new BulkheadError(
    ErrorCode.PROTOCOL_INCOMPATIBLE,
    `the host speaks API versions ${offered.join(', ') || 'none'}, this plugin's SDK speaks ${APP_VERSION}; update the older of the two`,
  );
}
