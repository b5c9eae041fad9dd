import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { ExecuteToolRequest, ExecuteToolResponse } from '@bulkhead/proto/host';
import {
  isDeeperThan,
  MAX_JSON_DEPTH,
  parseJson,
  stringifyJson,
  type JsonObject,
} from '@bulkhead/proto/json';
import { errorOfRefusal, HookRefusal } from '../../dispatch/hook-refusal.js';
import type { HostMethod } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import { isObject } from '../../tools/tool-hooks.js';
import { toolOfObject, type ToolObjectsOptions } from '../../tools/tool-objects.js';
import type { ToolRunner } from '../../tools/tool-runner.js';

export interface ExecuteToolOptions extends ToolObjectsOptions {
  readonly runner: ToolRunner;
}

/**
 * `ToolService.ExecuteTool`: a plugin runs an operation of a tool object. The answer is a result of MCP's `tools/call`,
 * whatever kind the tool is.
 */
export function createExecuteTool({ runner, ...options }: ExecuteToolOptions): HostMethod['handle'] {
  return async (body, { plugin, timeoutMs, traceparent, signal }) => {
    const { toolId, operation, argsJson, approvalId } = readRequest(ExecuteToolRequest, body);
    const args = argsOf(argsJson);
    const tool = await toolOfObject(options, toolId, operation);
    try {
      const result = await runner.call({
        tool,
        caller: { actor: { kind: 'plugin', id: plugin.name } },
        params: { name: tool.name, arguments: args },
        context: { serverId: tool.server, ...(traceparent === '' ? {} : { traceparent }) },
        visibleHeaders: {},
        signal,
        ...(timeoutMs > 0 ? { timeoutMs } : {}),
        ...(approvalId === '' ? {} : { approvalId }),
      });
      const isError = result['isError'] === true;
      return ExecuteToolResponse.encode({ resultJson: stringifyJson(result), isError }).finish();
    } catch (error) {
      throw error instanceof HookRefusal ? errorOfRefusal(error) : error;
    }
  };
}

function argsOf(text: string): JsonObject {
  const refuse = (what: string): BulkheadError =>
    new BulkheadError(ErrorCode.INVALID_ARGUMENT, `args_json: ${what}`, { field: 'args_json' });
  if (text === '') return {};
  if (isDeeperThan(text, MAX_JSON_DEPTH)) throw refuse(`more than ${String(MAX_JSON_DEPTH)} levels`);
  let value;
  try {
    value = parseJson(text);
  } catch {
    throw refuse('expected JSON');
  }
  if (!isObject(value)) throw refuse('expected an object');
  return value;
}
