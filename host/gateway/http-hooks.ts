import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { JsonText, parseJson, type JsonValue } from '@bulkhead/proto/json';
import { isPlainObject, type User } from '@bulkhead/proto/rules';
import { credentialsOf, type Credential } from './app-keys.js';
import type { GatewayApp, GatewayApps } from './gateway-apps.js';
import type { GatewayRequest, Identity } from './gateway-request.js';
import { applyHeaders } from '../dispatch/request-headers.js';
import type { HookPort } from '../dispatch/hook-port.js';
import { plainHeaders, RefusedError, refusalOf } from './refusal.js';

export interface HttpHooksOptions {
  readonly hooks: HookPort;
  readonly apps: Pick<GatewayApps, 'find'>;
  /** Whether a caller without a credential is let in, as nobody in particular. */
  readonly allowsAnonymous: (request: GatewayRequest) => boolean;
  /** Whether what is asked for needs no credential, and an unknown one does no harm. */
  readonly isOpen: (request: GatewayRequest) => boolean;
}

/** What a request carries, and whose it is when it is an app's. */
interface Presented extends Credential {
  readonly app: GatewayApp | undefined;
}

/** What every request to the data plane passes, besides its own work. */
export interface HttpHooks {
  /** `http_pre_request`, then who it is. @throws RefusedError, BulkheadError UNAUTHENTICATED */
  before(request: GatewayRequest, signal: AbortSignal): Promise<void>;
  /** `http_post_request`: the response headers to send. @throws RefusedError */
  after(
    request: GatewayRequest,
    response: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  ): Promise<Readonly<Record<string, string>>>;
}

export function createHttpHooks(options: HttpHooksOptions): HttpHooks {
  const { hooks, apps } = options;

  async function preRequest(request: GatewayRequest, signal: AbortSignal): Promise<void> {
    if (!hooks.listens('http_pre_request')) return;
    const visible = request.visibleHeaders;
    const payload = { ...origin(request), headers: visible };
    const result = await hooks.invoke('http_pre_request', payload, request.context(), { signal });
    if (!result.allowed) throw new RefusedError(refusalOf(result));
    if (result.changedBy.length > 0)
      request.headers = applyHeaders(request.headers, headersOf(result.payload['headers']));
  }

  async function resolveUser(
    request: GatewayRequest,
    presented: readonly Presented[],
    app: GatewayApp | undefined,
    signal: AbortSignal,
  ) {
    if (!hooks.listens('http_auth_resolve_user')) return undefined;
    // A credential that is an app's key is the host's business and no plugin's.
    const foreign = presented.find((one) => one.app === undefined);
    const payload = {
      credentials: foreign === undefined ? {} : { scheme: foreign.scheme, token: foreign.token },
      headers: request.visibleHeaders,
      client_host: request.clientHost,
      client_port: request.clientPort,
    };
    const context = { ...request.context(), ...(app === undefined ? {} : { appId: app.id }) };
    const result = await hooks.invoke('http_auth_resolve_user', payload, context, { signal });
    if (!result.allowed) throw new RefusedError(refusalOf(result, 401));
    return userOf(result.payload['user']);
  }

  async function identify(request: GatewayRequest, signal: AbortSignal): Promise<Identity> {
    const presented = await Promise.all(
      credentialsOf(request.headers).map(async (one) => ({ ...one, app: await apps.find(one.token) })),
    );
    const app = presented.find((one) => one.app !== undefined)?.app;
    if (!waitsForNews(request)) app?.count(1);
    const user = (await resolveUser(request, presented, app, signal)) ?? app?.user;
    if (
      app === undefined &&
      user === undefined &&
      !options.isOpen(request) &&
      (presented.length > 0 || !options.allowsAnonymous(request))
    ) {
      throw new BulkheadError(
        ErrorCode.UNAUTHENTICATED,
        presented.length > 0
          ? 'nobody accepts the credential that the request carries'
          : 'the request carries no credential: send an app key as Authorization: Bearer or x-api-key',
      );
    }
    return {
      assertContext: app?.assertContext ?? false,
      ...(app === undefined ? {} : { appId: app.id, count: app.count }),
      ...(app?.tenantId === undefined ? {} : { tenantId: app.tenantId }),
      ...(app?.scopes === undefined ? {} : { scopes: app.scopes }),
      ...(app?.mayUseTool === undefined ? {} : { mayUseTool: app.mayUseTool }),
      ...(user === undefined ? {} : { user }),
    };
  }

  return {
    async before(request, signal) {
      request.hooked = true;
      await preRequest(request, signal);
      request.identity = await identify(request, signal);
    },
    async after(request, response) {
      if (!request.hooked || !hooks.listens('http_post_request')) return response.headers;
      const payload = {
        ...origin(request),
        headers: request.visibleHeaders,
        response_headers: response.headers,
        status_code: response.status,
      };
      const result = await hooks.invoke('http_post_request', payload, request.context());
      if (!result.allowed) throw new RefusedError(refusalOf(result));
      if (result.changedBy.length === 0) return response.headers;
      // What frames the message stays the gateway's.
      const framing = Object.entries(response.headers).filter(
        ([name]) => !(name in plainHeaders({ [name]: '' })),
      );
      return {
        ...plainHeaders(headersOf(result.payload['response_headers'])),
        ...Object.fromEntries(framing),
      };
    },
  };
}

/** A stream of an MCP session, which is no request of its own. */
function waitsForNews({ method, path }: GatewayRequest): boolean {
  return method === 'GET' && (path === '/mcp' || path.startsWith('/mcp/'));
}

function origin(request: GatewayRequest) {
  return {
    path: request.path,
    method: request.method,
    client_host: request.clientHost,
    client_port: request.clientPort,
  };
}

function headersOf(value: unknown): Record<string, string> {
  if (!isPlainObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** A plugin's answer to who it is; without an id it is no answer. */
function userOf(value: unknown): User | undefined {
  const plain: unknown = value instanceof JsonText ? parseJson(value.text) : value;
  if (!isPlainObject(plain) || typeof plain['id'] !== 'string' || plain['id'] === '') return undefined;
  return {
    id: plain['id'],
    ...(typeof plain['email'] === 'string' ? { email: plain['email'] } : {}),
    ...(typeof plain['team'] === 'string' ? { team: plain['team'] } : {}),
    ...(isTexts(plain['groups']) ? { groups: plain['groups'] } : {}),
    ...(isTexts(plain['roles']) ? { roles: plain['roles'] } : {}),
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item: JsonValue) => typeof item === 'string');
}

export { userOf };
