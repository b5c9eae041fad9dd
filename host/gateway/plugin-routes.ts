import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { HookPort } from '../dispatch/hook-port.js';
import { HookRefusal } from '../dispatch/hook-refusal.js';
import { ROUTES_PREFIX, type FoundRoute, type PluginRoutes } from '../contributions/routes.js';
import type { Log } from '../upstream/log.js';
import type { GatewayRequest } from './gateway-request.js';

export interface PluginRouteOptions {
  readonly routes: PluginRoutes;
  readonly hooks: Pick<HookPort, 'listens' | 'invoke'>;
  readonly requestOf: (raw: object) => GatewayRequest;
  readonly signalOf: (raw: object) => AbortSignal;
  readonly log: Pick<Log, 'warn'>;
}

const DOWN = 'the plugin behind this route is down; try again later';
const TOLD: Partial<Record<ErrorCode, string>> = {
  [ErrorCode.PLUGIN_ERROR]: 'the plugin failed; the log has the reason under this request id',
  [ErrorCode.PLUGIN_UNAVAILABLE]: DOWN,
  [ErrorCode.PLUGIN_EXITED]: DOWN,
};
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const CONTENT_TYPE = 'content-type';
const CSP = 'content-security-policy';
/** A page that a plugin answers with is of no origin: else it could call the gateway as whoever looks at it. */
const SANDBOX = 'sandbox allow-forms allow-scripts';

/** Whether the request is for a route that needs no credential. */
export function isOpenRoute(routes: PluginRoutes, { method, path }: GatewayRequest): boolean {
  return path.startsWith(ROUTES_PREFIX) && routes.find(method, path)?.route.auth === 'none';
}

/** `/plugins/<id>/…`: the routes that plugins contribute. Nothing of the host's own lies below that prefix. */
export function registerPluginRoutes(app: FastifyInstance, options: PluginRouteOptions): void {
  const { routes, hooks, log } = options;

  /** An app has the scopes that its configuration gives it; of others a permission plugin decides, if there is one. */
  async function assertScopes(
    { route, plugin }: FoundRoute,
    request: GatewayRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const { scopes = [], appId, user } = request.identity;
    const resource = `${plugin.config.name}${route.path}`;
    for (const scope of route.scopes) {
      if (scopes.includes(scope)) continue;
      let reason = `the route needs the scope '${scope}', which the app does not have`;
      if (hooks.listens('http_auth_check_permission')) {
        const payload = {
          user: user ?? { id: appId === undefined ? 'anonymous' : `app:${appId}` },
          permission: scope,
          resource,
          reason: '',
        };
        const context = request.context(plugin.config.name);
        const result = await hooks.invoke('http_auth_check_permission', payload, context, { signal });
        if (!result.allowed) throw new HookRefusal(result);
        if (result.payload['granted'] === true) continue;
        const said = result.payload['reason'];
        if (typeof said === 'string' && said !== '') reason = said;
      }
      throw new BulkheadError(ErrorCode.FORBIDDEN, reason);
    }
  }

  async function handle(http: FastifyRequest) {
    const request = options.requestOf(http.raw);
    const signal = options.signalOf(http.raw);
    const found = routes.find(request.method, request.path);
    if (found === undefined) {
      throw new BulkheadError(
        ErrorCode.ROUTE_NOT_FOUND,
        `${request.method} ${request.path} is not served here`,
      );
    }
    const body = Buffer.isBuffer(http.body) ? http.body : Buffer.alloc(0);
    const { maxBodyBytes } = found.route;
    if (maxBodyBytes !== undefined && body.length > maxBodyBytes) {
      throw new BulkheadError(
        ErrorCode.PAYLOAD_TOO_LARGE,
        `the route takes a body of ${String(maxBodyBytes)} bytes at most, got ${String(body.length)}`,
      );
    }
    await assertScopes(found, request, signal);
    const at = http.url.indexOf('?');
    const answered = routes.handle(found, {
      method: request.method,
      query: at < 0 ? '' : http.url.slice(at + 1),
      headers: request.visibleHeaders,
      body,
      context: request.context(found.plugin.config.name),
      signal,
    });
    return answered.catch((error: unknown) => {
      throw toldToAnybody(error, found, request);
    });
  }

  /** Whoever may ask a route need not learn how a plugin fails; the log has it. */
  function toldToAnybody(error: unknown, { plugin }: FoundRoute, { requestId }: GatewayRequest): unknown {
    if (!isBulkheadError(error)) return error;
    const told = TOLD[error.code];
    if (told === undefined) return error;
    log.warn({ requestId, plugin: plugin.config.name, err: error }, 'gateway: a route of a plugin failed');
    return new BulkheadError(error.code, told, { cause: error, retryable: error.retryable });
  }

  app.register((scope, _options, done) => {
    // A plugin reads its own bodies.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_http, body, parsed) => {
      parsed(null, body);
    });
    scope.route({
      method: [...METHODS],
      url: `${ROUTES_PREFIX}*`,
      handler: async (http, reply) => {
        const { status, headers, body } = await handle(http);
        return reply
          .code(status)
          .headers({ [CONTENT_TYPE]: 'application/octet-stream', 'x-content-type-options': 'nosniff' })
          .headers({ ...headers, [CSP]: withSandbox(headers[CSP]) })
          .send(http.method === 'HEAD' || body.length === 0 ? '' : Buffer.from(body));
      },
    });
    done();
  });
}

/** All policies of the list hold, so a plugin's own can only refuse more. */
function withSandbox(own: string | undefined): string {
  return own === undefined || own === '' ? SANDBOX : `${own}, ${SANDBOX}`;
}
