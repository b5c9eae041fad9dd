import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  isDeeperThan,
  MAX_JSON_DEPTH,
  parseJson,
  stringifyJson,
  type JsonObject,
} from '@bulkhead/proto/json';
import { toolResultOf } from '@bulkhead/proto/rules';
import type { ToolAnswer } from './tool.js';

/** Largest answer of a tool that the host itself runs, as JSON text. */
export const MAX_RESULT_BYTES = 1024 * 1024;

/**
 * What a tool answered as JSON, as a result of `tools/call`: as text, and structured when it is an object.
 *
 * @throws TOOL_FAILED when it is no JSON, too large or too deep
 */
export function resultOfJson(json: string, who: string): ToolAnswer & { readonly text: string } {
  const fail = (what: string): BulkheadError => new BulkheadError(ErrorCode.TOOL_FAILED, `${who} ${what}`);
  if (Buffer.byteLength(json) > MAX_RESULT_BYTES)
    throw fail(`answered with more than ${String(MAX_RESULT_BYTES)} bytes`);
  if (isDeeperThan(json, MAX_JSON_DEPTH))
    throw fail(`answered with more than ${String(MAX_JSON_DEPTH)} levels`);
  let value;
  try {
    value = parseJson(json);
  } catch {
    throw fail('answered with what is not JSON');
  }
  return {
    result: toolResultOf(value),
    output: json,
    text: typeof value === 'string' ? value : stringifyJson(value),
  };
}

/** A failure that whoever asked can do something about, as a result of `tools/call`. */
export function failedResult(text: string): JsonObject {
  return { content: [{ type: 'text', text }], isError: true };
}
