import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';
import type { UpstreamRequest } from '../../upstream/upstream.js';
import type { HookPort } from '../../dispatch/hook-port.js';
import { HookRefusal } from '../../dispatch/hook-refusal.js';
import { failedResult } from '../../tools/result.js';
import type { ToolRunner } from '../../tools/tool-runner.js';
import type { Tool, ToolCall } from '../../tools/tool.js';
import { refusalFor } from '../refusal.js';
import { callerOf } from '../tool-caller.js';
import { allowedOnly } from './app-tools.js';
import { denialResult, rpcErrorFor, type DenialPolicy } from './denial.js';
import type { Downstream } from './downstream.js';
import { createHookedCalls } from './hooked-calls.js';
import { isListMethod, isObject } from './lists.js';
import type { Scope, Target } from './scope.js';

/** Answers one request of a client. Rejects with RpcError only. */
export type Router = (
  method: string,
  params: JsonObject | undefined,
  from: Downstream,
) => Promise<JsonObject>;

export interface RouterOptions {
  readonly scope: Scope;
  readonly hooks: HookPort;
  readonly tools: ToolRunner;
  /** What holds now. */
  readonly policy: () => DenialPolicy;
}

export function createRouter({ scope, hooks, tools, policy }: RouterOptions): Router {
  const calls = createHookedCalls(hooks);

  function getPrompt(params: JsonObject, from: Downstream): Promise<JsonObject> {
    const name = textOf(params, 'name');
    const prompt = scope.prompt(name);
    if (prompt === undefined) throw new RpcError(RpcCode.INVALID_PARAMS, `Unknown prompt: ${name}`);
    prompt.assertReady();
    const upstream = { ...requestFor(from), signal: from.signal };
    return calls.getPrompt(prompt, {
      request: from.request,
      params: { ...params, name: prompt.name },
      upstream,
    });
  }

  async function readResource(params: JsonObject, from: Downstream): Promise<JsonObject> {
    const target = await resource(params, from);
    target.upstream.assertReady();
    const upstream = { ...requestFor(from), signal: from.signal };
    return calls.readResource(target, {
      request: from.request,
      params: { ...params, uri: target.name },
      upstream,
    });
  }

  async function resource(params: JsonObject, from: Downstream): Promise<Target> {
    const uri = textOf(params, 'uri');
    const target = await scope.resource(uri, requestFor(from));
    // The code that the protocol had for it; the package writes the one of the era.
    if (target === undefined) throw new RpcError(-32_002, `Resource not found: ${uri}`, { uri });
    return target;
  }

  async function callTool(params: JsonObject, from: Downstream): Promise<JsonObject> {
    const name = textOf(params, 'name');
    const tool = await scope.findTool(name);
    if (tool === undefined) throw new RpcError(RpcCode.INVALID_PARAMS, `Unknown tool: ${name}`);
    try {
      return await tools.call(toolCall(tool, params, from));
    } catch (error) {
      if (isDenial(error) && policy().denyAs === 'result')
        return denialResult(refusalFor(error), from.request.requestId, policy());
      // What the model can correct, or should hear of, it gets as the tool's answer.
      if (tool.kind !== 'mcp' && isBulkheadError(error) && TOLD_AS_RESULT.has(error.code))
        return failedResult(`${error.code}: ${error.message}`);
      throw error;
    }
  }

  async function complete(params: JsonObject, from: Downstream): Promise<JsonObject> {
    const ref = params['ref'];
    if (!isObject(ref))
      throw new RpcError(RpcCode.INVALID_PARAMS, `completion/complete: 'ref' must be an object`);
    const isPrompt = ref['type'] === 'ref/prompt';
    const target = isPrompt ? scope.completes(textOf(ref, 'name')) : await resource(ref, from);
    // A plugin's command has nothing to complete its arguments with.
    if (target === undefined) return { completion: { values: [] } };
    const own = { ...params, ref: { ...ref, [isPrompt ? 'name' : 'uri']: target.name } };
    return target.upstream.request('completion/complete', own, requestFor(from));
  }

  async function subscribe(method: string, params: JsonObject, from: Downstream): Promise<JsonObject> {
    const { subscriptions } = from;
    if (subscriptions === undefined)
      throw new RpcError(RpcCode.METHOD_NOT_FOUND, `Method not found: ${method}`);
    if (method === 'resources/unsubscribe') await subscriptions.remove(textOf(params, 'uri'));
    else await subscriptions.add(textOf(params, 'uri'), await resource(params, from));
    return {};
  }

  async function route(method: string, given: JsonObject | undefined, from: Downstream): Promise<JsonObject> {
    if (isListMethod(method)) {
      const page = await scope.list(method, given, requestFor(from));
      return method === 'tools/list' ? allowedOnly(from.request, scope, page) : page;
    }
    const params = given ?? {};
    switch (method) {
      case 'tools/call':
        return callTool(params, from);
      case 'prompts/get':
        return getPrompt(params, from);
      case 'resources/read':
        return readResource(params, from);
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return subscribe(method, params, from);
      case 'completion/complete':
        return complete(params, from);
      case 'logging/setLevel':
        from.setLogLevel?.(textOf(params, 'level'));
        return {};
      default:
        if (scope.fallback === undefined)
          throw new RpcError(RpcCode.METHOD_NOT_FOUND, `Method not found: ${method}`);
        return scope.fallback.request(method, given, requestFor(from));
    }
  }

  return async (method, params, from) => {
    try {
      return await route(method, params, from);
    } catch (error) {
      throw rpcErrorFor(error, from.request.requestId, policy());
    }
  };
}

const DENIALS: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.FORBIDDEN,
  ErrorCode.TOOL_DENIED,
  ErrorCode.APPROVAL_PENDING,
  ErrorCode.APPROVAL_DENIED,
]);

const TOLD_AS_RESULT: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.INVALID_ARGUMENT,
  ErrorCode.TOOL_FAILED,
  ErrorCode.PLUGIN_ERROR,
]);

function isDenial(error: unknown): boolean {
  return error instanceof HookRefusal || (isBulkheadError(error) && DENIALS.has(error.code));
}

function toolCall(tool: Tool, params: JsonObject, from: Downstream): ToolCall {
  const { request } = from;
  const { mayUseTool: mayUse } = request.identity;
  const { caller: upstreamCaller, ...rest } = requestFor(from);
  return {
    ...rest,
    tool,
    params: { ...params, name: tool.name },
    caller: callerOf(request.identity),
    context: request.context(tool.server),
    visibleHeaders: request.visibleHeaders,
    ...(mayUse === undefined ? {} : { mayUse }),
    signal: from.signal,
    ...(upstreamCaller === undefined ? {} : { upstreamCaller }),
  };
}

function requestFor(from: Downstream): UpstreamRequest {
  const { traceparent } = from.request;
  return {
    caller: from.caller,
    signal: from.signal,
    ...(from.onProgress === undefined ? {} : { onProgress: from.onProgress }),
    ...(traceparent === undefined ? {} : { headers: { traceparent } }),
  };
}

function textOf(params: JsonObject, key: string): string {
  const value = params[key];
  if (typeof value === 'string') return value;
  throw new RpcError(RpcCode.INVALID_PARAMS, `'${key}' must be a string`);
}
