import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { JsonText, parseJson, stringifyJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import { isPlainObject } from '@bulkhead/proto/rules';
import type { HookPort } from '../dispatch/hook-port.js';
import { HookRefusal } from '../dispatch/hook-refusal.js';
import type { InvokeResult } from '../dispatch/invocation.js';
import { headerChanges, withoutCredentials } from '../dispatch/request-headers.js';
import { ANONYMOUS, toolId, type ToolCall } from './tool.js';

/** The scope that a permission plugin is asked for when a tool is called. */
export const EXECUTE_SCOPE = 'tools.execute';

/** What hooks made of a call. */
export interface PreparedCall {
  readonly params: JsonObject;
  /** Headers that they added or changed; undefined when they changed nothing. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The hooks around a call of a tool. Each throws HookRefusal when it is refused. */
export interface ToolHooks {
  /** @throws FORBIDDEN */
  checkPermission(call: ToolCall): Promise<void>;
  before(call: ToolCall): Promise<PreparedCall>;
  after(call: ToolCall, name: JsonValue, result: JsonObject): Promise<JsonObject>;
}

export function createToolHooks(hooks: Pick<HookPort, 'listens' | 'invoke'>): ToolHooks {
  async function run(
    hook: string,
    payload: Readonly<Record<string, unknown>>,
    { context, tool, signal }: ToolCall,
  ): Promise<InvokeResult> {
    const result = await hooks.invoke(hook, payload, { ...context, serverId: tool.server }, { signal });
    if (!result.allowed) throw new HookRefusal(result);
    return result;
  }

  return {
    async checkPermission(call) {
      if (!hooks.listens('http_auth_check_permission')) return;
      const { actor } = call.caller;
      const resource = toolId(call.tool);
      const id = actor === ANONYMOUS ? 'anonymous' : `${actor.kind}:${actor.id}`;
      const payload = {
        user: call.context.user ?? { id },
        permission: EXECUTE_SCOPE,
        resource,
        reason: '',
      };
      const { payload: answer } = await run('http_auth_check_permission', payload, call);
      if (answer['granted'] !== false) return;
      const reason = answer['reason'];
      const said =
        typeof reason === 'string' && reason !== ''
          ? reason
          : `no permission ${EXECUTE_SCOPE} on ${resource}`;
      throw new BulkheadError(ErrorCode.FORBIDDEN, said);
    },
    async before(call) {
      const { params, visibleHeaders } = call;
      if (!hooks.listens('tool_pre_invoke')) return { params };
      const args = new JsonText(stringifyJson(params['arguments'] ?? {}));
      const seen = await run(
        'tool_pre_invoke',
        { name: call.tool.name, args, headers: visibleHeaders },
        call,
      );
      if (seen.changedBy.length === 0) return { params };
      return {
        params: {
          ...params,
          name: valueOf(seen.payload['name']),
          ...changedArgs(params, args, seen.payload['args']),
        },
        headers: withoutCredentials(headerChanges(visibleHeaders, textsOf(seen.payload['headers']))),
      };
    },
    async after(call, name, result) {
      const hook = 'tool_post_invoke';
      if (!hooks.listens(hook)) return result;
      const seen = await run(hook, { name, result: new JsonText(stringifyJson(result)) }, call);
      return changedObject(hook, 'result', seen, result);
    },
  };
}

/** What hooks left of `before` in `field`. */
export function changedObject(
  hook: string,
  field: string,
  seen: InvokeResult,
  before: JsonObject,
): JsonObject {
  if (seen.changedBy.length === 0) return before;
  const changed = valueOf(seen.payload[field]);
  if (isObject(changed)) return changed;
  throw new BulkheadError(
    ErrorCode.INVALID_ANSWER,
    `${hook}: '${field}' must stay an object; a plugin made something else of it`,
  );
}

/** The arguments to send; a call that had none and was given none keeps none. */
export function changedArgs(params: JsonObject, before: JsonText, after: unknown): { arguments?: JsonValue } {
  const text = textOf(after);
  return text === before.text && params['arguments'] === undefined ? {} : { arguments: parseJson(text) };
}

export function textOf(value: unknown): string {
  return value instanceof JsonText ? value.text : stringifyJson(value);
}

export function valueOf(value: unknown): JsonValue {
  return parseJson(textOf(value));
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('rawJSON' in value);
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isPlainObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
