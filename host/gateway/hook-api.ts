import type { FastifyInstance } from 'fastify';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { JsonText, stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import { HOOKS, isBuiltInHook, isPlainObject } from '@bulkhead/proto/rules';
import type { RequestContext } from '../dispatch/invocation.js';
import { isRequestId, type GatewayRequest } from './gateway-request.js';
import { withoutCredentials } from '../dispatch/request-headers.js';
import { hookAnswer } from './hook-answer.js';
import type { HookPort } from '../dispatch/hook-port.js';
import { userOf } from './http-hooks.js';
import { refusalOf } from './refusal.js';

export interface HookApiOptions {
  readonly hooks: HookPort;
  /** What holds now. */
  readonly policy: () => { readonly exposeViolationDetails: boolean };
  /** The gateway's view of a request. */
  readonly requestOf: (raw: object) => GatewayRequest;
  /** Aborted when the caller goes away. */
  readonly signalOf: (raw: object) => AbortSignal;
}

const CONTEXT_KEYS = new Set([
  'request_id',
  'tenant_id',
  'server_id',
  'content_type',
  'user',
  'claims',
  'headers',
  'traceparent',
]);

/** `POST /hooks/<hook>` and `GET /hooks`: any other gateway can use the plugins. */
export function registerHookApi(app: FastifyInstance, options: HookApiOptions): void {
  const { hooks } = options;

  app.get('/hooks', (_request, reply) => {
    const names = [...hooks.hooks()].toSorted();
    return reply.send({ hooks: names.map((name) => ({ name, listening: hooks.listens(name) })) });
  });

  app.post<{ Params: { hook: string } }>('/hooks/:hook', async (http, reply) => {
    const request = options.requestOf(http.raw);
    const { hook } = http.params;
    const { payload, context } = parseBody(http.body);
    const believed = believedContext(request, context);
    const result = await hooks.invoke(hook, travelling(hook, payload), believed, {
      signal: options.signalOf(http.raw),
    });
    const body = hookAnswer(result, believed, options.policy().exposeViolationDetails);
    reply.type('application/json; charset=utf-8');
    if (result.allowed) return reply.send(body);
    const refusal = refusalOf(result);
    return reply
      .code(refusal.status)
      .headers(refusal.headers ?? {})
      .send(body);
  });
}

function parseBody(body: unknown): {
  payload: Readonly<Record<string, unknown>>;
  context: Readonly<Record<string, unknown>>;
} {
  if (!isPlainObject(body)) throw invalid('expected an object {"payload": {…}, "context": {…}}');
  for (const key of Object.keys(body)) {
    if (key !== 'payload' && key !== 'context')
      throw invalid(`unknown key '${key}'; expected payload and context`);
  }
  const { payload, context = {} } = body;
  if (!isPlainObject(payload)) throw invalid(`'payload' must be an object with the hook's fields`);
  if (!isPlainObject(context)) throw invalid(`'context' must be an object`);
  for (const key of Object.keys(context)) {
    if (!CONTEXT_KEYS.has(key))
      throw invalid(`unknown key 'context.${key}'; expected ${[...CONTEXT_KEYS].join(', ')}`);
  }
  return { payload, context };
}

function invalid(what: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_PAYLOAD, `request body: ${what}`);
}

/** JSON fields as text, once; typed fields as they are. */
function travelling(
  hook: string,
  payload: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const fields = isBuiltInHook(hook) ? HOOKS[hook].fields : undefined;
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => {
      const isJson = fields === undefined || (Object.hasOwn(fields, name) && fields[name]?.kind === 'json');
      return [name, isJson ? new JsonText(stringifyJson(value)) : value];
    }),
  );
}

/** Who it is comes from the credential; the body is believed only from an app that may assert it. */
function believedContext(request: GatewayRequest, given: Readonly<Record<string, unknown>>): RequestContext {
  const own = request.context();
  const user = userOf(given['user']);
  const texts = (key: string, name: keyof RequestContext) => {
    const value = given[key];
    if (value !== undefined && typeof value !== 'string') throw invalid(`'context.${key}' must be a string`);
    return value === undefined ? {} : { [name]: value };
  };
  const requestId = given['request_id'];
  if (requestId !== undefined && !isRequestId(requestId)) {
    throw invalid(
      `'context.request_id' must be 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit`,
    );
  }
  if (given['user'] !== undefined && user === undefined)
    throw invalid(`'context.user' must be an object with an id`);
  // The content type is the described request's, not that of this call.
  const { contentType: _, ...rest } = own;
  const plain = {
    ...rest,
    // A later call of the same caller that sends the request id finds the same state; time ends it.
    stateScope: request.principal,
    ...(requestId === undefined ? {} : { requestId }),
    ...texts('server_id', 'serverId'),
    ...texts('content_type', 'contentType'),
    ...texts('traceparent', 'traceparent'),
  };
  const asserted = {
    ...texts('tenant_id', 'tenantId'),
    ...(user === undefined ? {} : { user }),
    ...(isPlainObject(given['claims']) ? { claims: given['claims'] as JsonObject } : {}),
    ...(isPlainObject(given['headers']) ? { headers: assertedHeaders(given['headers']) } : {}),
  };
  return request.identity.assertContext ? { ...plain, ...asserted } : plain;
}

function assertedHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const lower = Object.entries(headers).map(([name, value]): [string, string] => {
    if (typeof value !== 'string') throw invalid(`'context.headers.${name}' must be a string`);
    return [name.toLowerCase(), value];
  });
  return withoutCredentials(Object.fromEntries(lower));
}
