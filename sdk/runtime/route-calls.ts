import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import { HandleRouteRequest, HandleRouteResponse, type Header } from '@bulkhead/proto/plugin';
import { checkViolation, describe, headersFault, isPlainObject } from '@bulkhead/proto/rules';
import type { RouteRequest } from '../contributions.js';
import { handleCall, isDenial } from './handle-call.js';
import type { Implementation } from './implementation.js';
import type { IncomingCall } from './incoming.js';
import { ContributionView } from './request-context.js';
import type { CallEnvironment } from './work-context.js';

const NO_BODY = new Uint8Array(0);
const KEYS = ['status', 'headers', 'body', 'json'];
const JSON_TYPE = 'application/json; charset=utf-8';

/** The caller's request is at fault, and is told so with 400. */
class BadRequest extends Error {}

/** Answers an HTTP request on one of the plugin's routes. */
export function runRoute(
  body: Uint8Array,
  incoming: IncomingCall,
  routes: Implementation['routes'],
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const message = HandleRouteRequest.decode(body);
  const name = `${message.method} ${message.route}`;
  const handler = routes.get(name);
  if (handler === undefined) {
    throw new BulkheadError(ErrorCode.UNKNOWN_METHOD, `this plugin has no route '${name}'`);
  }
  const view = new ContributionView(message.context, incoming, environment);
  return handleCall(
    `route '${name}'`,
    () => view.log,
    environment,
    async () => {
      try {
        const answer: unknown = await handler(toRequest(message), view);
        return HandleRouteResponse.encode(toResponse(name, answer)).finish();
      } catch (error) {
        if (!(error instanceof BadRequest)) throw error;
        return HandleRouteResponse.encode(errorResponse(400, 'INVALID_ARGUMENT', error.message)).finish();
      }
    },
  );
}

function toRequest(message: HandleRouteRequest): RouteRequest {
  const text = (): string => Buffer.from(message.body).toString('utf8');
  return {
    method: message.method,
    route: message.route,
    path: message.path,
    params: message.params,
    query: new URLSearchParams(message.query),
    headers: joinHeaders(message.headers),
    body: message.body,
    text,
    json: (): JsonValue => {
      try {
        return parseJson(text());
      } catch {
        throw new BadRequest('expected a JSON body');
      }
    },
  };
}

function joinHeaders(headers: readonly Header[]): Readonly<Record<string, string>> {
  const byName = Map.groupBy(headers, ({ name }) => name.toLowerCase());
  return Object.fromEntries(
    [...byName].map(([name, group]) => [
      name,
      group.map(({ value }) => value).join(name === 'cookie' ? '; ' : ', '),
    ]),
  );
}

function toResponse(name: string, answer: unknown): HandleRouteResponse {
  if (answer === undefined || answer === null) return { statusCode: 204, headers: [], body: NO_BODY };
  if (isDenial(answer)) {
    const violation = checkViolation({ name: `route '${name}'` }, answer.violation);
    const status = violation.http_status_code ?? 403;
    return errorResponse(status, violation.code, violation.reason, violation.http_headers);
  }
  if (!isPlainObject(answer)) throw wrong(name, `expected {${KEYS.join(', ')}}, got ${describe(answer)}`);
  const unknown = Object.keys(answer).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw wrong(name, `unknown key '${unknown}'; expected ${KEYS.join(', ')}`);
  const { status, json } = answer;
  const headers = toHeaders(name, answer['headers']);
  const body = json === undefined ? toBody(name, answer['body']) : Buffer.from(stringifyJson(json));
  if (status !== undefined && !isStatus(status)) {
    throw wrong(name, `status: expected 200 to 599, got ${describe(status)}`);
  }
  const typed = headers.some((header) => header.name.toLowerCase() === 'content-type');
  return {
    statusCode: status ?? (body.length === 0 ? 204 : 200),
    headers: json === undefined || typed ? headers : [...headers, { name: 'content-type', value: JSON_TYPE }],
    body,
  };
}

function isStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599;
}

function toBody(name: string, body: unknown): Uint8Array {
  if (body === undefined) return NO_BODY;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw wrong(name, `body: expected text or bytes, got ${describe(body)}; what is JSON goes into json`);
}

function toHeaders(name: string, headers: unknown): Header[] {
  if (headers === undefined) return [];
  if (!isPlainObject(headers)) throw wrong(name, `headers: expected an object, got ${describe(headers)}`);
  return Object.entries(headers).flatMap(([key, given]) =>
    (Array.isArray(given) ? given : [given]).map((value: unknown) => {
      const fault =
        typeof value === 'string' ? headersFault({ [key]: value }) : `expected text, got ${describe(value)}`;
      if (fault !== undefined) throw wrong(name, `headers.${key}: ${fault}`);
      return { name: key, value: String(value) };
    }),
  );
}

function errorResponse(
  statusCode: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): HandleRouteResponse {
  return {
    statusCode,
    headers: [
      ...Object.entries(headers).map(([name, value]) => ({ name, value })),
      { name: 'content-type', value: JSON_TYPE },
    ],
    body: Buffer.from(stringifyJson({ error: { code, message } })),
  };
}

function wrong(name: string, what: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ANSWER, `answer to route '${name}': ${what}`);
}
