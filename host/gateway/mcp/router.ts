import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';
import type { UpstreamRequest } from '../../upstream/upstream.js';
import type { HookPort } from '../hook-port.js';
import { RefusedError, refusalFor } from '../refusal.js';
import { allowedOnly } from './app-tools.js';
import { denialResult, rpcErrorFor, type DenialPolicy } from './denial.js';
import type { Downstream } from './downstream.js';
import { createHookedCalls, type HookedCall } from './hooked-calls.js';
import { isListMethod, isObject } from './lists.js';
import type { Scope, Target } from './scope.js';

/** Answers one request of a client. Rejects with RpcError only. */
export type Router = (
  method: string,
  params: JsonObject | undefined,
  from: Downstream,
) => Promise<JsonObject>;

export function createRouter(scope: Scope, hooks: HookPort, policy: () => DenialPolicy): Router {
  const calls = createHookedCalls(hooks);

  function hooked(target: Target, key: 'name' | 'uri', params: JsonObject, from: Downstream): HookedCall {
    target.upstream.assertReady();
    const upstream = { ...requestFor(from), signal: from.signal };
    return { request: from.request, target, params: { ...params, [key]: target.name }, upstream };
  }

  function named(what: string, params: JsonObject): Target {
    const name = textOf(params, 'name');
    const target = scope.named(name);
    if (target === undefined) throw new RpcError(RpcCode.INVALID_PARAMS, `Unknown ${what}: ${name}`);
    return target;
  }

  async function resource(params: JsonObject, from: Downstream): Promise<Target> {
    const uri = textOf(params, 'uri');
    const target = await scope.resource(uri, requestFor(from));
    // The code that the protocol had for it; the package writes the one of the era.
    if (target === undefined) throw new RpcError(-32_002, `Resource not found: ${uri}`, { uri });
    return target;
  }

  async function callTool(params: JsonObject, from: Downstream): Promise<JsonObject> {
    try {
      return await calls.callTool(hooked(named('tool', params), 'name', params, from));
    } catch (error) {
      const denied =
        error instanceof RefusedError || (isBulkheadError(error) && error.code === ErrorCode.FORBIDDEN);
      if (denied && policy().denyAs === 'result')
        return denialResult(refusalFor(error), from.request.requestId, policy());
      throw error;
    }
  }

  async function complete(params: JsonObject, from: Downstream): Promise<JsonObject> {
    const ref = params['ref'];
    if (!isObject(ref))
      throw new RpcError(RpcCode.INVALID_PARAMS, `completion/complete: 'ref' must be an object`);
    const isPrompt = ref['type'] === 'ref/prompt';
    const target = isPrompt ? named('prompt', ref) : await resource(ref, from);
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
        return calls.getPrompt(hooked(named('prompt', params), 'name', params, from));
      case 'resources/read':
        return calls.readResource(hooked(await resource(params, from), 'uri', params, from));
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
