import { stringifyJson, type JsonObject, type JsonValue } from '../json/lossless.js';
import { isPlainObject } from './payload.js';

/** What a tool answered, as a result of MCP's `tools/call`: as text, and structured when it is an object. */
export function toolResultOf(value: JsonValue): JsonObject {
  const text = typeof value === 'string' ? value : stringifyJson(value);
  const structured = isPlainObject(value) && !('rawJSON' in value) ? { structuredContent: value } : {};
  return { content: [{ type: 'text', text }], ...structured };
}
