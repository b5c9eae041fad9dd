import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import { leastSevere } from './log-levels.js';
import type { Log } from '../../upstream/log.js';
import type { Upstreams } from '../../upstream/upstreams.js';
import type { GatewayRequest } from '../gateway-request.js';
import type { HookPort } from '../../dispatch/hook-port.js';
import type { DenialPolicy } from './denial.js';
import type { ToolRunner } from '../../tools/tool-runner.js';
import type { Contributed } from './contributed.js';
import { createEndpoint, type Endpoint } from './endpoint.js';
import { createJoinedScope } from './joined-scope.js';
import type { SessionLimits } from './sessions.js';
import { createSingleScope } from './single-scope.js';
import { boundUnread, MAX_UNREAD_BYTES } from './unread.js';

export interface McpOptions {
  readonly upstreams: Upstreams;
  readonly hooks: HookPort;
  readonly tools: ToolRunner;
  readonly contributed: Contributed;
  /** What holds now. */
  readonly policy: () => DenialPolicy;
  readonly sessions: SessionLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly requestOf: (raw: object) => GatewayRequest;
  /** Aborted when the HTTP answer is out, or the client is gone. */
  readonly signalOf: (raw: object) => AbortSignal;
}

export interface McpRoutes {
  readonly sessionCount: () => number;
  /** Announces the lists in which plugins have something else than when it was last asked. */
  contributionsChanged(): void;
  /** A tool object of the store is another one. */
  objectToolsChanged(): void;
  close(): Promise<void>;
}

/** `/mcp` for all upstreams as one, `/mcp/<server>` for each alone. */
export function registerMcp(app: FastifyInstance, options: McpOptions): McpRoutes {
  const { upstreams, contributed, log } = options;
  const joined = createEndpoint(
    { ...options, scope: createJoinedScope(upstreams, contributed, log) },
    applyLogLevels,
  );
  const single = new Map<string, Endpoint>();
  /** Made when somebody asks for it, and gone with its upstream. */
  const endpointOf = (name: string): Endpoint | undefined => {
    const upstream = upstreams.get(name);
    if (upstream === undefined) return undefined;
    const known = single.get(name);
    if (known !== undefined) return known;
    const endpoint = createEndpoint(
      { ...options, scope: createSingleScope(upstream, contributed) },
      applyLogLevels,
    );
    single.set(name, endpoint);
    return endpoint;
  };
  const forget = (name: string): void => {
    const endpoint = single.get(name);
    if (!single.delete(name)) return;
    endpoint?.close().catch((error: unknown) => {
      log.debug({ upstream: name, err: error }, 'gateway: an endpoint did not close well');
    });
  };
  const stopListening = upstreams.listen((upstream, event) => {
    if (event.kind === 'log' || event.kind === 'notification') {
      const { attribution } = event;
      // What could be of several clients goes to none: it may hold what only one of them may see.
      if (attribution.kind === 'ambiguous') return;
      if (attribution.kind === 'caller') {
        attribution.caller.notify(
          event.kind === 'log' ? 'notifications/message' : event.method,
          event.params,
        );
        return;
      }
    }
    joined.hear(upstream, event);
    single.get(upstream.name)?.hear(upstream, event);
    if (event.kind !== 'state') return;
    // One that is new, or new again, is told what its clients want.
    if (event.state.kind === 'ready') applyLogLevels();
    if (event.state.kind === 'stopped' && upstreams.get(upstream.name) !== upstream) forget(upstream.name);
  });

  function applyLogLevels(): void {
    for (const upstream of upstreams.all) {
      const wanted = [joined.wantedLogLevel(), single.get(upstream.name)?.wantedLogLevel()];
      const level = leastSevere(wanted.filter((item) => item !== undefined));
      if (level === undefined) continue;
      upstream.setLogLevel(level).catch((error: unknown) => {
        log.debug({ upstream: upstream.name, err: error }, 'gateway: cannot set the log level');
      });
    }
  }

  async function serve(endpoint: Endpoint, http: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const request = options.requestOf(http.raw);
    const closed = options.signalOf(http.raw);
    if (Array.isArray(http.body) && http.body.length > 1) request.identity.count?.(http.body.length - 1);
    const web = new Request(`http://gateway${http.url}`, {
      method: http.method,
      headers: { ...request.headers },
      signal: closed,
    });
    const response = await endpoint.handle({
      web,
      body: http.body,
      request,
      onClosed: (callback) => {
        if (closed.aborted) callback();
        else closed.addEventListener('abort', callback, { once: true });
      },
    });
    const opened = http.method === 'GET' ? withOpening(response) : response;
    return reply.send(
      withBound(opened, () => {
        log.warn(
          { requestId: request.requestId },
          'gateway: a client that does not read its stream is cut off',
        );
      }),
    );
  }

  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    app.route({ method, url: '/mcp', handler: (http, reply) => serve(joined, http, reply) });
    app.route<{ Params: { server: string } }>({
      method,
      url: '/mcp/:server',
      handler: (http, reply) => {
        const endpoint = endpointOf(http.params.server);
        if (endpoint !== undefined) return serve(endpoint, http, reply);
        const known = upstreams.all.map(({ name }) => name).join(', ');
        throw new BulkheadError(
          ErrorCode.UPSTREAM_NOT_FOUND,
          `no upstream server is named '${http.params.server}'; there are: ${known === '' ? 'none' : known}`,
        );
      },
    });
  }

  const seenNow = () => ({
    rules: contributed.rules(),
    tools: JSON.stringify(contributed.items('tools/list')),
    prompts: JSON.stringify(contributed.items('prompts/list')),
  });
  let seen = seenNow();

  return {
    contributionsChanged() {
      const before = seen;
      seen = seenNow();
      const ruled = seen.rules !== before.rules;
      if (ruled || seen.tools !== before.tools) joined.announce('tools');
      if (ruled) for (const endpoint of single.values()) endpoint.announce('tools');
      if (seen.prompts !== before.prompts) joined.announce('prompts');
    },
    objectToolsChanged() {
      joined.announce('tools');
    },
    sessionCount: () => [joined, ...single.values()].reduce((sum, { sessionCount }) => sum + sessionCount, 0),
    async close() {
      stopListening();
      await Promise.all([joined, ...single.values()].map((endpoint) => endpoint.close()));
    },
  };
}

function withBound(response: Response, onFull: () => void): Response {
  if (!isStream(response)) return response;
  const body = boundUnread(response.body, MAX_UNREAD_BYTES, onFull);
  return new Response(body, { status: response.status, headers: response.headers });
}

function isStream(response: Response): response is Response & { readonly body: ReadableStream<Uint8Array> } {
  return response.body !== null && response.headers.get('content-type') === 'text/event-stream';
}

/** A stream that has nothing to say yet would hold its headers back; a comment sends them. */
function withOpening(response: Response): Response {
  if (!isStream(response)) return response;
  const opening = new TextEncoder().encode(': open\n\n');
  const opened = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => {
        controller.enqueue(opening);
      },
    }),
  );
  return new Response(opened, { status: response.status, headers: response.headers });
}
