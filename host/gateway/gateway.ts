import type { AddressInfo } from 'node:net';
import fastify, { type FastifyReply } from 'fastify';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import type { PluginContributions } from '../contributions/contributions.js';
import type { HttpTools } from '../tools/http-tools.js';
import type { Toolbox } from '../tools/toolbox.js';
import type { Log } from '../upstream/log.js';
import { NO_AUDIT, type Audit } from '../telemetry/audit.js';
import type { Upstreams } from '../upstream/upstreams.js';
import { createAccessCheck, isLoopback } from './access.js';
import { CHECK_CONNECTIONS_MS, DEFAULT_LIMITS, type ConnectionLimits } from './connection-limits.js';
import { createGatewayApps } from './gateway-apps.js';
import { GatewayRequest } from './gateway-request.js';
import { registerCommands } from './command-routes.js';
import { registerHookApi } from './hook-api.js';
import type { HookPort } from '../dispatch/hook-port.js';
import { createHttpHooks } from './http-hooks.js';
import { takeJsonOnly } from './json-body.js';
import { createContributed } from './mcp/contributed.js';
import { splitName } from './mcp/names.js';
import { registerMcp } from './mcp/routes.js';
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from './mcp/sessions.js';
import { isOpenRoute, registerPluginRoutes } from './plugin-routes.js';
import { refusalBody } from './refusal-body.js';
import { refusalFor, RefusedError } from './refusal.js';
import { assertTarget, canonicalTarget } from './request-target.js';
import type { StoredApps } from './stored-apps.js';

export interface GatewayOptions {
  readonly config: {
    readonly environment: HostConfig['environment'];
    readonly listen: Pick<HostConfig['listen'], 'data'>;
    readonly limits: Pick<HostConfig['limits'], 'maxBodyBytes'>;
    readonly policy: Pick<HostConfig['policy'], 'denyAs' | 'exposeViolationDetails'>;
    readonly apps: HostConfig['apps'];
  };
  readonly hooks: HookPort;
  /** Started and stopped by whoever made them. */
  readonly upstreams: Upstreams;
  readonly tools: Pick<Toolbox, 'runner' | 'policies' | 'contributed'>;
  readonly contributions: Pick<PluginContributions, 'commands' | 'routes'>;
  /** Tool objects that are called over HTTP. Default: there are none. */
  readonly httpTools?: HttpTools;
  readonly clock: Clock;
  readonly log: Log;
  /** Apps that the store keeps. Default: there are none. */
  readonly storedApps?: Pick<StoredApps, 'find'>;
  /** Hears of apps that were refused. Default: nobody does. */
  readonly audit?: Audit;
  readonly sessions?: Partial<SessionLimits>;
  readonly limits?: Partial<ConnectionLimits>;
}

/** The data plane. */
export interface Gateway {
  /** @returns where it listens, for example `http://127.0.0.1:7410` */
  listen(): Promise<string>;
  /** Refuses new requests, waits at most `drainMs` for those in progress, then ends everything. */
  close(drainMs: number): Promise<void>;
  /** Takes changed apps and policy, for requests that come from now on. */
  update(config: Pick<GatewayOptions['config'], 'apps' | 'policy'>): void;
  /** Tells MCP clients when what plugins contribute is no longer what they were shown. */
  contributionsChanged(): void;
  readonly address: AddressInfo | undefined;
  readonly sessionCount: () => number;
}

interface Underway {
  readonly request: GatewayRequest;
  readonly closed: AbortController;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { config, hooks, log, clock } = options;
  let { policy } = config;
  const apps = createGatewayApps({
    configured: config.apps,
    clock,
    audit: options.audit ?? NO_AUDIT,
    ...(options.storedApps === undefined ? {} : { stored: options.storedApps }),
  });
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const bound = config.listen.data;
  const underway = new WeakMap<object, Underway>();
  let active = 0;
  let idle: (() => void) | undefined;
  let draining = false;
  let checkAccess: ReturnType<typeof createAccessCheck> | undefined;

  const app = fastify({
    logger: false,
    bodyLimit: config.limits.maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    forceCloseConnections: true,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    rewriteUrl: ({ url = '/' }) => canonicalTarget(url),
    // An address that cannot be read; nothing else has seen the request.
    frameworkErrors: (error, http, reply) => {
      const request = new GatewayRequest(http.raw, () => undefined);
      void reply.header('x-request-id', request.requestId);
      sendRefusal(reply, request, error);
    },
    http: {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
    },
  });
  app.server.maxConnections = limits.maxConnections;

  const httpHooks = createHttpHooks({
    hooks,
    isOpen: (request) => isOpenRoute(options.contributions.routes, request),
    apps,
    allowsAnonymous: (request) =>
      config.environment === 'development' &&
      !bound.behindProxy &&
      isLoopback(bound.host) &&
      isLoopback(request.clientHost),
  });

  function of(raw: object): Underway {
    const found = underway.get(raw);
    if (found === undefined) throw new BulkheadError(ErrorCode.INTERNAL, 'the request is not known');
    return found;
  }

  takeJsonOnly(app);

  app.addHook('onRequest', async (http, reply) => {
    const closed = new AbortController();
    const request = new GatewayRequest(http.raw, (requestId, stateScope) => {
      hooks.endRequest(requestId, stateScope);
    });
    underway.set(http.raw, { request, closed });
    // A GET that only waits for news must not hold up the drain; it ends with its session.
    const counted = http.method === 'GET' ? 0 : 1;
    active += counted;
    reply.raw.once('close', () => {
      active -= counted;
      closed.abort('the client is gone or has its answer');
      request.release();
      if (active === 0) idle?.();
    });
    void reply.header('x-request-id', request.requestId);
    if (draining)
      throw new BulkheadError(ErrorCode.SHUTTING_DOWN, 'the host is going down; try another, or again later');
    assertTarget(http.raw.url ?? '/');
    checkAccess?.(http.headers.host, http.headers.origin);
    await httpHooks.before(request, closed.signal);
  });

  app.addHook('onSend', async (http, reply, payload) => {
    // A request that has no route has not been through the hook above.
    if (!hooks.listens('http_post_request') || !underway.has(http.raw)) return payload;
    const { request } = of(http.raw);
    const isResponse = payload instanceof Response;
    const headers = isResponse ? Object.fromEntries(payload.headers) : textHeaders(reply.getHeaders());
    const status = isResponse ? payload.status : reply.statusCode;
    try {
      const changed = await httpHooks.after(request, { status, headers });
      if (isResponse) return new Response(payload.body, { status, headers: { ...changed } });
      for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
      void reply.headers(changed);
      return payload;
    } catch (error) {
      if (isResponse) void payload.body?.cancel();
      return JSON.stringify(refuse(reply, request, error));
    }
  });

  app.setErrorHandler((error, http, reply) => {
    const { request } = of(http.raw);
    return sendRefusal(reply, request, error);
  });
  app.setNotFoundHandler((http) => {
    throw new BulkheadError(
      ErrorCode.ROUTE_NOT_FOUND,
      `${http.method} ${http.url.split('?', 1)[0] ?? ''} is not served here; GET / says what is`,
    );
  });

  /** Sets status and headers of a refusal and gives its body. */
  function refuse(reply: FastifyReply, request: GatewayRequest, error: unknown): object {
    const refusal = refusalFor(error);
    if (refusal.status >= 500 && !(error instanceof RefusedError)) {
      log.error({ requestId: request.requestId, err: error }, 'gateway: a request failed');
    }
    void reply
      .code(refusal.status)
      .type('application/json; charset=utf-8')
      .headers(refusal.headers ?? {});
    return refusalBody(request, refusal, policy.exposeViolationDetails);
  }

  function sendRefusal(reply: FastifyReply, request: GatewayRequest, error: unknown): FastifyReply {
    return reply.send(refuse(reply, request, error));
  }

  const requestOf = (raw: object): GatewayRequest => of(raw).request;
  const signalOf = (raw: object): AbortSignal => of(raw).closed.signal;
  app.get('/', (_http, reply) =>
    reply.send({
      name: 'bulkhead',
      mcp: ['/mcp', ...options.upstreams.all.map(({ name }) => `/mcp/${name}`)],
      hooks: '/hooks',
    }),
  );
  registerHookApi(app, {
    hooks,
    policy: () => policy,
    requestOf,
    signalOf,
  });
  registerCommands(app, { hooks, commands: options.contributions.commands, requestOf, signalOf });
  registerPluginRoutes(app, { hooks, routes: options.contributions.routes, requestOf, signalOf, log });
  const { httpTools } = options;
  const mcp = registerMcp(app, {
    upstreams: options.upstreams,
    tools: options.tools.runner,
    contributed: createContributed(options.tools, options.contributions.commands, {
      ...(httpTools === undefined ? {} : { httpTools }),
      isTaken: (joined) => splitName(options.upstreams.all, joined) !== undefined,
    }),
    hooks,
    policy: () => policy,
    sessions: { ...DEFAULT_SESSION_LIMITS, ...options.sessions },
    clock,
    log,
    requestOf,
    signalOf,
  });

  const stopHearing = httpTools?.subscribe(mcp.objectToolsChanged);

  function addressOf(): AddressInfo | undefined {
    const address = app.server.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  return {
    get address() {
      return addressOf();
    },
    sessionCount: mcp.sessionCount,
    update(next) {
      ({ policy } = next);
      apps.update(next.apps);
    },
    contributionsChanged: mcp.contributionsChanged,
    async listen() {
      // Before the first connection is accepted.
      app.server.once('listening', () => {
        const { host, allowedHosts } = bound;
        checkAccess = createAccessCheck({ host, port: addressOf()?.port ?? bound.port, allowedHosts });
      });
      await app.listen({ host: bound.host, port: bound.port });
      const port = addressOf()?.port ?? bound.port;
      return `http://${bound.host.includes(':') ? `[${bound.host}]` : bound.host}:${String(port)}`;
    },
    async close(drainMs) {
      draining = true;
      stopHearing?.();
      if (active > 0 && drainMs > 0) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(drainMs, resolve);
          idle = () => {
            cancel();
            resolve();
          };
        });
      }
      await mcp.close();
      await app.close();
    },
  };
}

function textHeaders(
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as const],
    ),
  );
}
