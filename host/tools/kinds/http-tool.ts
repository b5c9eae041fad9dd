import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isRawNumber, stringifyJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import type { ToolObject, ToolOperationObject } from '@bulkhead/proto/rules';
import { fillUrl, placesOf } from '../../upstream/http/url-template.js';
import { failedResult, MAX_RESULT_BYTES, resultOfJson } from '../result.js';
import { isObject } from '../tool-hooks.js';
import type { Tool } from '../tool.js';
import type { HttpAnswer, HttpCall, HttpClient } from './http-client.js';
import { ownHeaders } from './own-headers.js';

const TIMEOUT_MS = 30_000;
const DEFAULT_METHOD = 'GET';
/** What of an error's answer is told. */
const MAX_ERROR_CHARS = 2_000;
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);
const METHODS: ReadonlySet<string> = new Set([...BODILESS, 'POST', 'PUT', 'PATCH']);
/** An operation of a tool object of kind `http`. What fills no place of the URL is the JSON body, or without one the query. */
export function httpTool(object: ToolObject, operation: ToolOperationObject, ask: HttpClient): Tool {
  const { input_schema: input, output_schema: output } = operation;
  return {
    server: object.id,
    name: operation.name,
    kind: 'http',
    runs: `${operation.method ?? DEFAULT_METHOD} ${operation.url_template ?? ''}`,
    effect: operation.effect,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    assertReady: () => {},
    async run(params, { signal, timeoutMs = TIMEOUT_MS }) {
      const given = params['arguments'] ?? {};
      const { url, call } = httpCall(object, operation, isObject(given) ? given : {});
      const bounds = { timeoutMs: Math.min(timeoutMs, TIMEOUT_MS), maxBytes: MAX_RESULT_BYTES, signal };
      const answer = await ask(url, call, bounds);
      const { status, text } = answer;
      if (status < 200 || status > 299)
        return { result: failedResult(`HTTP ${String(status)}: ${text.slice(0, MAX_ERROR_CHARS)}`) };
      return resultOfJson(isJson(answer) ? text : JSON.stringify(text), `${object.id}/${operation.name}`);
    },
    sibling: (name) => {
      const found = object.operations.find((other) => other.name === name);
      return found === undefined ? undefined : httpTool(object, found, ask);
    },
  };
}

function httpCall(
  object: ToolObject,
  { method = DEFAULT_METHOD, url_template: template }: ToolOperationObject,
  args: JsonObject,
): { readonly url: URL; readonly call: HttpCall } {
  if (template === undefined || !METHODS.has(method))
    throw new BulkheadError(
      ErrorCode.TOOL_FAILED,
      `${object.id}: expected a url_template and an HTTP method`,
    );
  const url = fillUrl(template, args);
  const places = new Set(placesOf(template));
  const rest = Object.entries(args).filter(([name]) => !places.has(name));
  const headers = { accept: 'application/json', ...ownHeaders(object.headers) };
  if (BODILESS.has(method)) {
    for (const [name, value] of rest) url.searchParams.append(name, queryValue(name, value));
    return { url, call: { method, headers } };
  }
  const body = stringifyJson(Object.fromEntries(rest));
  return { url, call: { method, headers: { ...headers, 'content-type': 'application/json' }, body } };
}

function queryValue(name: string, value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (isRawNumber(value)) return value.rawJSON;
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `${name}: expected a text, number, true or false: the request has no body, so it goes into the query`,
    { field: name },
  );
}

function isJson({ contentType, text }: HttpAnswer): boolean {
  return text !== '' && /^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType);
}
