import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { JsonText, parseJson, stringifyJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import type { InvokeResult } from '../../dispatch/invocation.js';
import type { UpstreamRequest } from '../../upstream/upstream.js';
import type { GatewayRequest } from '../gateway-request.js';
import { headerChanges, withoutCredentials } from '../headers.js';
import type { HookPort } from '../hook-port.js';
import { RefusedError, refusalOf } from '../refusal.js';
import { assertMayUse } from './app-tools.js';
import { isObject } from './lists.js';
import type { Target } from './scope.js';

/** One call that hooks look at, before and after. */
export interface HookedCall {
  readonly request: GatewayRequest;
  readonly target: Target;
  /** The params as the client sent them, names already the upstream's own. */
  readonly params: JsonObject;
  readonly upstream: UpstreamRequest & { readonly signal: AbortSignal };
}

/** The scope that a permission plugin is asked for when a tool is called. */
const EXECUTE = 'tools.execute';

/** tools/call, prompts/get and resources/read with the hooks that run around each. They throw RefusedError when refused. */
export interface HookedCalls {
  callTool(call: HookedCall): Promise<JsonObject>;
  getPrompt(call: HookedCall): Promise<JsonObject>;
  readResource(call: HookedCall): Promise<JsonObject>;
}

export function createHookedCalls(hooks: HookPort): HookedCalls {
  async function run(
    hook: string,
    payload: Readonly<Record<string, unknown>>,
    call: HookedCall,
  ): Promise<InvokeResult> {
    const context = call.request.context(call.target.upstream.name);
    const result = await hooks.invoke(hook, payload, context, { signal: call.upstream.signal });
    if (!result.allowed) throw new RefusedError(refusalOf(result));
    return result;
  }

  /** The result after `hook` saw it in `field`. */
  async function after(
    hook: string,
    call: HookedCall,
    key: object,
    field: string,
    result: JsonObject,
  ): Promise<JsonObject> {
    if (!hooks.listens(hook)) return result;
    const seen = await run(hook, { ...key, [field]: new JsonText(stringifyJson(result)) }, call);
    if (seen.changedBy.length === 0) return result;
    const changed = valueOf(seen.payload[field]);
    if (isObject(changed)) return changed;
    throw new BulkheadError(
      ErrorCode.INVALID_ANSWER,
      `${hook}: '${field}' must stay an object; a plugin made something else of it`,
    );
  }

  async function checkPermission(call: HookedCall): Promise<void> {
    if (!hooks.listens('http_auth_check_permission')) return;
    const { appId, user } = call.request.identity;
    const resource = `${call.target.upstream.name}/${call.target.name}`;
    const payload = {
      user: user ?? { id: appId === undefined ? 'anonymous' : `app:${appId}` },
      permission: EXECUTE,
      resource,
      reason: '',
    };
    const { payload: answer } = await run('http_auth_check_permission', payload, call);
    if (answer['granted'] !== false) return;
    const reason = answer['reason'];
    const said =
      typeof reason === 'string' && reason !== '' ? reason : `no permission ${EXECUTE} on ${resource}`;
    throw new BulkheadError(ErrorCode.FORBIDDEN, said);
  }

  return {
    async callTool(call) {
      assertMayUse(call.request, call.target.upstream.name, call.target.name);
      await checkPermission(call);
      let { params } = call;
      let headers: Record<string, string> | undefined;
      if (hooks.listens('tool_pre_invoke')) {
        const visible = call.request.visibleHeaders;
        const args = new JsonText(stringifyJson(params['arguments'] ?? {}));
        const seen = await run('tool_pre_invoke', { name: call.target.name, args, headers: visible }, call);
        if (seen.changedBy.length > 0) {
          params = {
            ...params,
            name: valueOf(seen.payload['name']),
            ...changedArgs(params, args, seen.payload['args']),
          };
          // What a plugin makes of the name is the app's to use too.
          assertMayUse(call.request, call.target.upstream.name, String(params['name']));
          headers = withoutCredentials(
            headerChanges(visible, seen.payload['headers'] as Record<string, string>),
          );
        }
      }
      const result = await call.target.upstream.request('tools/call', params, {
        ...call.upstream,
        ...(headers === undefined ? {} : { headers }),
      });
      return after('tool_post_invoke', call, { name: params['name'] }, 'result', result);
    },

    async getPrompt(call) {
      let { params } = call;
      const promptId = call.target.name;
      if (hooks.listens('prompt_pre_fetch')) {
        const args = new JsonText(stringifyJson(params['arguments'] ?? {}));
        const seen = await run('prompt_pre_fetch', { prompt_id: promptId, args }, call);
        if (seen.changedBy.length > 0)
          params = { ...params, ...changedArgs(params, args, seen.payload['args']) };
      }
      const result = await call.target.upstream.request('prompts/get', params, call.upstream);
      return after('prompt_post_fetch', call, { prompt_id: promptId }, 'result', result);
    },

    async readResource(call) {
      let { params } = call;
      if (hooks.listens('resource_pre_fetch')) {
        const metadata = new JsonText(stringifyJson(params['_meta'] ?? {}));
        const seen = await run('resource_pre_fetch', { uri: call.target.name, metadata }, call);
        if (seen.changedBy.length > 0) {
          const changed = textOf(seen.payload['metadata']);
          const meta = changed === metadata.text ? {} : { _meta: parseJson(changed) };
          params = { ...params, uri: valueOf(seen.payload['uri']), ...meta };
        }
      }
      const result = await call.target.upstream.request('resources/read', params, call.upstream);
      return after('resource_post_fetch', call, { uri: params['uri'] }, 'content', result);
    },
  };
}

/** The arguments to send; a call that had none and was given none keeps none. */
function changedArgs(params: JsonObject, before: JsonText, after: unknown): { arguments?: JsonValue } {
  const text = textOf(after);
  return text === before.text && params['arguments'] === undefined ? {} : { arguments: parseJson(text) };
}

function textOf(value: unknown): string {
  return value instanceof JsonText ? value.text : stringifyJson(value);
}

function valueOf(value: unknown): JsonValue {
  return value instanceof JsonText ? parseJson(value.text) : (value as JsonValue);
}
