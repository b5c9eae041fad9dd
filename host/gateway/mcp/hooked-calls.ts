import { JsonText, parseJson, stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import type { HookPort } from '../../dispatch/hook-port.js';
import { HookRefusal } from '../../dispatch/hook-refusal.js';
import type { InvokeResult } from '../../dispatch/invocation.js';
import { changedArgs, changedObject, textOf, valueOf } from '../../tools/tool-hooks.js';
import type { UpstreamRequest } from '../../upstream/upstream.js';
import type { GatewayRequest } from '../gateway-request.js';
import type { PromptTarget, Target } from './scope.js';

/** One call that hooks look at, before and after. */
export interface HookedCall {
  readonly request: GatewayRequest;
  /** The params as the client sent them, names already the target's own. */
  readonly params: JsonObject;
  readonly upstream: UpstreamRequest & { readonly signal: AbortSignal };
}

/** prompts/get and resources/read with the hooks that run around each. They throw HookRefusal when refused. */
export interface HookedCalls {
  getPrompt(prompt: PromptTarget, call: HookedCall): Promise<JsonObject>;
  readResource(target: Target, call: HookedCall): Promise<JsonObject>;
}

export function createHookedCalls(hooks: HookPort): HookedCalls {
  async function run(
    hook: string,
    server: string,
    payload: Readonly<Record<string, unknown>>,
    call: HookedCall,
  ): Promise<InvokeResult> {
    const context = call.request.context(server);
    const result = await hooks.invoke(hook, payload, context, { signal: call.upstream.signal });
    if (!result.allowed) throw new HookRefusal(result);
    return result;
  }

  /** The result after `hook` saw it in `field`. */
  async function after(
    hook: string,
    server: string,
    call: HookedCall,
    key: object,
    field: string,
    result: JsonObject,
  ): Promise<JsonObject> {
    if (!hooks.listens(hook)) return result;
    const seen = await run(hook, server, { ...key, [field]: new JsonText(stringifyJson(result)) }, call);
    return changedObject(hook, field, seen, result);
  }

  return {
    async getPrompt(prompt, call) {
      let { params } = call;
      const { server, name: promptId } = prompt;
      if (hooks.listens('prompt_pre_fetch')) {
        const args = new JsonText(stringifyJson(params['arguments'] ?? {}));
        const seen = await run('prompt_pre_fetch', server, { prompt_id: promptId, args }, call);
        if (seen.changedBy.length > 0)
          params = { ...params, ...changedArgs(params, args, seen.payload['args']) };
      }
      const result = await prompt.get(params, call.upstream, call.request.context(server));
      return after('prompt_post_fetch', server, call, { prompt_id: promptId }, 'result', result);
    },

    async readResource({ upstream, name }, call) {
      let { params } = call;
      if (hooks.listens('resource_pre_fetch')) {
        const metadata = new JsonText(stringifyJson(params['_meta'] ?? {}));
        const seen = await run('resource_pre_fetch', upstream.name, { uri: name, metadata }, call);
        if (seen.changedBy.length > 0) {
          const changed = textOf(seen.payload['metadata']);
          const meta = changed === metadata.text ? {} : { _meta: parseJson(changed) };
          params = { ...params, uri: valueOf(seen.payload['uri']), ...meta };
        }
      }
      const result = await upstream.request('resources/read', params, call.upstream);
      const key = { uri: params['uri'] };
      return after('resource_post_fetch', upstream.name, call, key, 'content', result);
    },
  };
}
