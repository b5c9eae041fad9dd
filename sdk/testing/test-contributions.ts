import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import {
  CallRpcRequest,
  CallRpcResponse,
  DeliverEventsRequest,
  ExecuteToolRequest,
  ExecuteToolResponse,
  HandleRouteRequest,
  HandleRouteResponse,
  RunCommandRequest,
  RunCommandResponse,
  RunScheduleRequest,
} from '@bulkhead/proto/plugin';
import type { Manifest } from '@bulkhead/proto/rules/schema';
import type { RpcCaller, ScheduleRunInfo } from '../contributions.js';
import type { PluginRuntime } from '../runtime/plugin-runtime.js';
import { assertSchema } from './assert-schema.js';
import { createContextMessage, type TestContext } from './call-context-message.js';
import { callWithDeadline } from './call-with-deadline.js';
import type { IncomingCall } from '../runtime/incoming.js';

/** An HTTP request on a route of the plugin. */
export interface TestRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, bytes, or a value that is sent as JSON. */
  readonly body?: unknown;
}

export interface TestResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  text(): string;
  json(): JsonValue;
}

export interface TestRpcOptions {
  /** Default: an admin's token. */
  readonly caller?: Partial<RpcCaller>;
  readonly timeoutMs?: number;
}

/** What a plugin contributes, called as the host calls it: input is validated before, output after. */
export interface TestContributions {
  /** @throws BulkheadError NOT_FOUND, INVALID_ARGUMENT, TOOL_FAILED, DENIED, PLUGIN_ERROR, DEADLINE_EXCEEDED, as a rejection */
  tool(name: string, args?: unknown, context?: TestContext): Promise<JsonValue>;
  command(name: string, args?: unknown, context?: TestContext): Promise<JsonValue>;
  /** @param request `GET /orders/7?full=1` */
  route(request: string, options?: TestRequest, context?: TestContext): Promise<TestResponse>;
  /** @throws BulkheadError as `tool`, and PERMISSION_DENIED below the method's `min_role` */
  rpc(method: string, input?: unknown, options?: TestRpcOptions): Promise<JsonValue>;
  schedule(name: string, run?: Partial<Omit<ScheduleRunInfo, 'name'>>): Promise<void>;
  /** Delivers an event to each subscription that it matches; rejects when a handler does, as it would come again. */
  event(
    topic: string,
    data?: unknown,
    options?: { readonly id?: string; readonly atMs?: number },
  ): Promise<void>;
}

export interface ContributionParts {
  readonly runtime: PluginRuntime;
  readonly manifest: Manifest;
  readonly context: TestContext;
  readonly grantedContext: readonly string[];
  readonly timeoutMs: number;
  /** The patterns that the plugin subscribed to. */
  readonly patterns: () => readonly string[];
}

const ROLES: readonly RpcCaller['role'][] = ['viewer', 'operator', 'admin'];

export function createTestContributions(parts: ContributionParts): TestContributions {
  const { runtime, manifest } = parts;
  const { tools, commands, routes, rpcMethods } = manifest.contributions;

  const send = (
    own: TestContext,
    call: (incoming: IncomingCall) => Uint8Array | Promise<Uint8Array>,
  ): Promise<Uint8Array> =>
    callWithDeadline(call, {
      timeoutMs: own.timeoutMs ?? parts.timeoutMs,
      signal: own.signal,
      traceparent: own.traceparent,
    });
  const contextOf = (own: TestContext) =>
    createContextMessage(own.requestId ?? randomUUID(), own, parts.grantedContext);

  return {
    async tool(name, args = {}, context) {
      const own = { ...parts.context, ...context };
      const declared = found(tools, 'tool', name);
      assertSchema(`arguments of ${name}`, declared.input, args, ErrorCode.INVALID_ARGUMENT);
      const body = ExecuteToolRequest.encode({
        name,
        argsJson: stringifyJson(args),
        context: contextOf(own),
      }).finish();
      const answer = ExecuteToolResponse.decode(await send(own, (call) => runtime.executeTool(body, call)));
      const result = parseJson(answer.resultJson);
      assertSchema(`result of ${name}`, declared.output, result, ErrorCode.TOOL_FAILED);
      return result;
    },
    async command(name, args = {}, context) {
      const own = { ...parts.context, ...context };
      const declared = found(commands, 'command', name);
      assertSchema(`arguments of ${name}`, declared.input, args, ErrorCode.INVALID_ARGUMENT);
      const body = RunCommandRequest.encode({
        name,
        argsJson: stringifyJson(args),
        context: contextOf(own),
      }).finish();
      return parseJson(
        RunCommandResponse.decode(await send(own, (call) => runtime.runCommand(body, call))).resultJson,
      );
    },
    async route(request, options = {}, context) {
      const own = { ...parts.context, ...context };
      const [method = '', target = ''] = request.split(' ', 2);
      const [path = '', query = ''] = target.split('?', 2);
      const matched = routes.flatMap((route) => {
        const params = route.methods.includes(method) ? matchPath(route.path, path) : undefined;
        return params === undefined ? [] : [{ route: route.path, params }];
      })[0];
      if (matched === undefined) {
        throw new BulkheadError(ErrorCode.ROUTE_NOT_FOUND, `the manifest declares no route for ${request}`);
      }
      const body = HandleRouteRequest.encode({
        method,
        ...matched,
        path,
        query,
        headers: Object.entries(options.headers ?? {}).map(([name, value]) => ({
          name: name.toLowerCase(),
          value,
        })),
        body: toBytes(options.body),
        context: contextOf(own),
      }).finish();
      return toResponse(
        HandleRouteResponse.decode(await send(own, (call) => runtime.handleRoute(body, call))),
      );
    },
    async rpc(method, input = null, { caller, timeoutMs } = {}) {
      const declared = found(rpcMethods, 'RPC method', method);
      const who: RpcCaller = { kind: 'token', id: 'test', role: 'admin', ...caller };
      if (ROLES.indexOf(who.role) < ROLES.indexOf(declared.minRole)) {
        throw new BulkheadError(
          ErrorCode.PERMISSION_DENIED,
          `${method} needs the role ${declared.minRole}, the caller has ${who.role}`,
        );
      }
      assertSchema(`input of ${method}`, declared.input, input, ErrorCode.INVALID_ARGUMENT);
      const body = CallRpcRequest.encode({ method, inputJson: stringifyJson(input), caller: who }).finish();
      const own = timeoutMs === undefined ? {} : { timeoutMs };
      const answer = CallRpcResponse.decode(await send(own, (call) => runtime.callRpc(body, call)));
      const output = parseJson(answer.outputJson);
      assertSchema(`output of ${method}`, declared.output, output, ErrorCode.INVALID_ANSWER);
      return output;
    },
    async schedule(name, run = {}) {
      const body = RunScheduleRequest.encode({
        name,
        runId: run.runId ?? randomUUID(),
        fireMs: BigInt(run.fireAtMs ?? Date.now()),
        byHand: run.byHand ?? true,
        repeats: run.repeats ?? false,
      }).finish();
      await send({}, (call) => runtime.runSchedule(body, call));
    },
    async event(topic, data = null, options = {}) {
      const event = {
        id: options.id ?? randomUUID(),
        topic,
        dataJson: stringifyJson(data),
        atMs: BigInt(options.atMs ?? Date.now()),
      };
      for (const pattern of parts.patterns().filter((one) => matchesTopic(one, topic))) {
        const body = DeliverEventsRequest.encode({ events: [event], pattern, dropped: 0n }).finish();
        await send({}, (call) => runtime.deliverEvents(body, call));
      }
    },
  };
}

function found<Declared extends { readonly name: string }>(
  declared: readonly Declared[],
  kind: string,
  name: string,
): Declared {
  const one = declared.find((candidate) => candidate.name === name);
  if (one !== undefined) return one;
  throw new BulkheadError(ErrorCode.NOT_FOUND, `the manifest declares no ${kind} '${name}'`);
}

/** The values of a declared path's places; undefined when the path is another. */
function matchPath(declared: string, path: string): Record<string, string> | undefined {
  const wanted = declared.split('/');
  const parts = path.split('/');
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const part = parts[index] ?? '';
    const place = /^\{(.+)\}$/.exec(want)?.[1];
    if (place === undefined ? want !== part : part === '') return undefined;
    if (place !== undefined) params[place] = decodeURIComponent(part);
  }
  return params;
}

/** `*` stands for one part of a topic, `**` for the rest. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const parts = topic.split('.');
  for (const [index, want] of wanted.entries()) {
    if (want === '**') return parts.length > index;
    if (parts[index] === undefined || (want !== '*' && want !== parts[index])) return false;
  }
  return wanted.length === parts.length;
}

function toBytes(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array(0);
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'string' ? body : stringifyJson(body));
}

function toResponse({ statusCode, headers, body }: HandleRouteResponse): TestResponse {
  const text = (): string => Buffer.from(body).toString('utf8');
  return {
    status: statusCode,
    headers: Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value])),
    body,
    text,
    json: () => parseJson(text()),
  };
}
