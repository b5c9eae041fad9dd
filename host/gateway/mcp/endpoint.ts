import { createMcpHandler, isLegacyRequest, type ServerContext } from '@modelcontextprotocol/server';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import { isPlainObject } from '@bulkhead/proto/rules';
import type { Clock } from '../../clock.js';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';
import type { Log } from '../../upstream/log.js';
import type { Upstream } from '../../upstream/upstream.js';
import type { UpstreamEvent } from '../../upstream/upstream-event.js';
import type { ToolRunner } from '../../tools/tool-runner.js';
import type { GatewayRequest } from '../gateway-request.js';
import type { HookPort } from '../../dispatch/hook-port.js';
import { assertClientCan } from './asked-of-client.js';
import type { DenialPolicy } from './denial.js';
import { createExchanges } from './exchanges.js';
import { leastSevere, passesLevel } from './log-levels.js';
import { createRouter } from './router.js';
import type { Scope } from './scope.js';
import { createServer, progressTo, Session } from './session.js';
import { createSessions, type SessionLimits } from './sessions.js';
import { createSubscriptions } from './subscriptions.js';

export interface EndpointOptions {
  readonly scope: Scope;
  readonly hooks: HookPort;
  readonly tools: ToolRunner;
  /** What holds now. */
  readonly policy: () => DenialPolicy;
  readonly sessions: SessionLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** One HTTP request to the endpoint. */
export interface EndpointCall {
  readonly web: Request;
  readonly body: unknown;
  readonly request: GatewayRequest;
  /** Runs once when the HTTP answer is out, or the client is gone. */
  readonly onClosed: (callback: () => void) => void;
}

/** One MCP endpoint: sessions for clients of the older protocol, single exchanges for those of the newer. */
export interface Endpoint {
  handle(call: EndpointCall): Promise<Response>;
  /** An upstream of its scope has something to tell that is not one client's alone. */
  hear(upstream: Upstream, event: UpstreamEvent): void;
  /** A list is another one, and no upstream's. */
  announce(list: 'tools' | 'prompts'): void;
  /** Log level that its clients want of the upstreams; undefined when none said. */
  wantedLogLevel(): string | undefined;
  readonly sessionCount: number;
  close(): Promise<void>;
}

const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
const LOG_LEVEL_KEY = 'io.modelcontextprotocol/logLevel';
const SESSION_NOT_FOUND = -32_001;
const BAD_REQUEST = -32_000;

export function createEndpoint(options: EndpointOptions, onLogLevel: () => void): Endpoint {
  const { scope, clock, log } = options;
  const onError = (error: unknown): void => {
    log.debug({ err: error }, 'gateway: mcp');
  };
  const router = createRouter(options);
  const sessions = createSessions(options.sessions, clock, onError);
  const exchanges = createExchanges(clock);
  const requests = new WeakMap<Request, GatewayRequest>();
  const modern = createMcpHandler(
    () => {
      const server = createServer(scope.capabilities(), scope.instructions());
      server.fallbackRequestHandler = async (request, ctx) =>
        answerModern(request.method, request.params as JsonObject | undefined, ctx);
      return server;
    },
    { legacy: 'reject', onerror: onError },
  );

  function answerModern(
    method: string,
    params: JsonObject | undefined,
    ctx: ServerContext,
  ): Promise<JsonObject> {
    const request = ctx.http?.req === undefined ? undefined : requests.get(ctx.http.req);
    if (request === undefined)
      throw new RpcError(RpcCode.INTERNAL_ERROR, 'the HTTP request of this message is not known');
    const leg = {
      signal: ctx.mcpReq.signal,
      assertCan: (asked: string) => {
        const { envelope } = ctx.mcpReq;
        assertClientCan(asked, envelope === undefined ? undefined : Reflect.get(envelope, CAPABILITIES_KEY));
      },
      notify: (notice: string, about: JsonObject | undefined) => {
        // In the newer protocol a request says itself which log messages it wants; without a level, none.
        const { envelope } = ctx.mcpReq;
        const level: unknown = envelope === undefined ? undefined : Reflect.get(envelope, LOG_LEVEL_KEY);
        const isLog = notice === 'notifications/message';
        if (isLog && (typeof level !== 'string' || !passesLevel(about?.['level'], level))) return;
        ctx.mcpReq
          .notify({ method: notice, ...(about === undefined ? {} : { params: { ...about } }) })
          .catch(onError);
      },
    };
    const state = ctx.mcpReq.requestState();
    if (typeof state === 'string') {
      return exchanges.resume(state, method, request.principal, leg, ctx.mcpReq.inputResponses);
    }
    const onProgress = progressTo(params?.['_meta'], ctx, onError);
    request.retain();
    return exchanges.begin(method, request.principal, leg, async (caller, signal) => {
      try {
        return await router(method, params, { request, caller, signal, ...(onProgress && { onProgress }) });
      } finally {
        request.release();
      }
    });
  }

  /** The newer protocol subscribes by holding a request open. */
  async function holdSubscriptions(call: EndpointCall): Promise<void> {
    if (!isPlainObject(call.body) || call.body['method'] !== 'subscriptions/listen') return;
    const params = call.body['params'];
    const filter = isPlainObject(params) ? params['notifications'] : undefined;
    const uris = isPlainObject(filter) ? filter['resourceSubscriptions'] : undefined;
    if (!Array.isArray(uris)) return;
    const held = createSubscriptions(onError);
    call.onClosed(() => {
      held.clear();
    });
    for (const uri of uris) {
      if (typeof uri !== 'string') continue;
      const target = await scope.resource(uri, {});
      if (target !== undefined) await held.add(uri, target).catch(onError);
    }
  }

  async function openSession(call: EndpointCall): Promise<Response> {
    if (!isInitialize(call.body)) {
      return refuse(
        400,
        BAD_REQUEST,
        'Bad Request: the first request is initialize, later ones carry Mcp-Session-Id',
      );
    }
    if (!sessions.makeRoom()) {
      throw new BulkheadError(
        ErrorCode.PLUGIN_OVERLOADED,
        'the gateway has as many sessions as it may; try again later',
      );
    }
    const session = new Session({
      principal: call.request.principal,
      capabilities: scope.capabilities(),
      instructions: scope.instructions(),
      router,
      requestOf: (web) => requests.get(web),
      onOpen: (opened) => {
        sessions.add(opened);
      },
      onClose: (closed) => {
        sessions.remove(closed);
        onLogLevel();
      },
      onLogLevel,
      onError,
    });
    await session.connect();
    call.onClosed(sessions.use(session));
    const response = await session.handle(call.web, call.body);
    // An initialize that was refused leaves no session behind.
    if (!response.ok) await session.close();
    return response;
  }

  return {
    get sessionCount() {
      return sessions.size;
    },
    async handle(call) {
      requests.set(call.web, call.request);
      const id = call.request.headers['mcp-session-id'];
      if (id !== undefined) {
        const session = sessions.find(id, call.request.principal);
        if (session === undefined) return refuse(404, SESSION_NOT_FOUND, 'Session not found');
        call.onClosed(sessions.use(session));
        return session.handle(call.web, call.body);
      }
      if (await isLegacyRequest(call.web, call.body)) return openSession(call);
      await holdSubscriptions(call);
      return modern.fetch(call.web, call.body === undefined ? {} : { parsedBody: call.body });
    },
    hear(upstream, event) {
      switch (event.kind) {
        case 'list_changed': {
          const method = `notifications/${event.list}/list_changed`;
          for (const session of sessions) session.notify(method, event.params);
          modern.bus.publish({ kind: `${event.list}_list_changed` });
          return;
        }
        case 'resource_updated': {
          const uri = event.params['uri'];
          if (typeof uri !== 'string') return;
          for (const session of sessions) {
            const known = session.subscriptions.match(upstream, uri);
            if (known !== undefined)
              session.notify('notifications/resources/updated', { ...event.params, uri: known });
          }
          modern.bus.publish({ kind: 'resource_updated', uri: scope.uriOf(upstream, uri) });
          return;
        }
        case 'log':
        case 'notification': {
          const method = event.kind === 'log' ? 'notifications/message' : event.method;
          for (const session of sessions) {
            if (event.kind === 'log' && !passesLevel(event.params['level'], session.logLevel)) continue;
            session.notify(method, event.params);
          }
          return;
        }
        case 'state':
          return;
      }
    },
    announce(list) {
      for (const session of sessions) session.notify(`notifications/${list}/list_changed`, undefined);
      modern.bus.publish({ kind: `${list}_list_changed` });
    },
    wantedLogLevel() {
      const levels: string[] = [];
      for (const { logLevel } of sessions) if (logLevel !== undefined) levels.push(logLevel);
      return leastSevere(levels);
    },
    async close() {
      exchanges.close();
      await Promise.all([sessions.close(), modern.close()]);
    },
  };
}

function isInitialize(body: unknown): boolean {
  return isPlainObject(body) && body['method'] === 'initialize';
}

function refuse(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status });
}
