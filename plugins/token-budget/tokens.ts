import type { JsonObject, JsonValue } from '@bulkhead/sdk';

/** A rule of thumb for text without a `usage`: a token is about four bytes of its JSON text. */
const BYTES_PER_TOKEN = 4;

const INPUT = ['input_tokens', 'prompt_tokens', 'inputTokens', 'promptTokens'];
const OUTPUT = ['output_tokens', 'completion_tokens', 'outputTokens', 'completionTokens'];
const TOTAL = ['total_tokens', 'totalTokens'];
/** Where models and MCP servers put it: at the top, in MCP's metadata, in a structured result. */
const HOLDERS = ['_meta', 'structuredContent'];

/** ceil(bytes / 4) of the JSON text of a value. */
export function estimateTokens(value: JsonValue): number {
  return Math.ceil(Buffer.byteLength(JSON.stringify(value)) / BYTES_PER_TOKEN);
}

/**
 * Input and output tokens together, as the payload's `usage` says; undefined when it has none or one that cannot be right
 * (negative, no whole number).
 */
export function usedTokens(value: JsonValue): number | undefined {
  if (!isObject(value)) return undefined;
  for (const holder of [value, ...HOLDERS.map((name) => value[name])]) {
    const usage = isObject(holder) ? holder['usage'] : undefined;
    const tokens = isObject(usage) ? sumOf(usage) : undefined;
    if (tokens !== undefined) return tokens;
  }
  return undefined;
}

function sumOf(usage: JsonObject): number | undefined {
  const total = countOf(usage, TOTAL);
  const input = countOf(usage, INPUT);
  const output = countOf(usage, OUTPUT);
  if (total !== undefined) return total;
  return input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0);
}

function countOf(usage: JsonObject, names: readonly string[]): number | undefined {
  for (const name of names) {
    const count = usage[name];
    if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
  }
  return undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
