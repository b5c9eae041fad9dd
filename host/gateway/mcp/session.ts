import { randomUUID } from 'node:crypto';
import {
  Server,
  WebStandardStreamableHTTPServerTransport,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Caller } from '../../upstream/caller.js';
import { HOST_VERSION } from '../../version.js';
import type { GatewayRequest } from '../gateway-request.js';
import { assertClientCan, resultOf } from './asked-of-client.js';
import { isLogLevel, passesLevel } from './log-levels.js';
import { RAW } from './raw-schema.js';
import type { Router } from './router.js';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';
import { createSubscriptions, type Subscriptions } from './subscriptions.js';

export interface SessionOptions {
  readonly principal: string;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
  readonly router: Router;
  /** The gateway's view of the HTTP request that a message came with. */
  readonly requestOf: (web: Request) => GatewayRequest | undefined;
  readonly onOpen: (session: Session) => void;
  readonly onClose: (session: Session) => void;
  readonly onLogLevel: () => void;
  readonly onError: (error: unknown) => void;
}

/** The longest that a client may take to answer what an upstream asks. */
const CLIENT_ANSWER_MS = 10 * 60_000;

/** One client of the protocol's era with sessions, from initialize to DELETE, idleness or shutdown. */
export class Session {
  readonly id = randomUUID();
  readonly principal: string;
  readonly subscriptions: Subscriptions;
  /** HTTP requests of it that are open; while there is one it is not idle. */
  open = 0;
  /** Monotonic milliseconds. */
  lastSeen = 0;
  logLevel: string | undefined;
  readonly #options: SessionOptions;
  readonly #server: Server;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.principal = options.principal;
    this.subscriptions = createSubscriptions(options.onError);
    this.#server = createServer(options.capabilities, options.instructions);
    this.#server.fallbackRequestHandler = async (request, ctx) =>
      options.router(
        request.method,
        request.params as JsonObject | undefined,
        this.#downstream(request.params, ctx),
      );
    this.#server.onerror = options.onError;
    this.#server.onclose = () => {
      this.#end();
    };
    this.#transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => this.id,
      onsessioninitialized: () => {
        options.onOpen(this);
      },
    });
  }

  connect(): Promise<void> {
    return this.#server.connect(this.#transport);
  }

  handle(web: Request, parsedBody: unknown): Promise<Response> {
    return this.#transport.handleRequest(web, parsedBody === undefined ? {} : { parsedBody });
  }

  /** Tells the client something outside any request; a client without an open stream does not hear it. */
  notify(method: string, params: JsonObject | undefined): void {
    this.#server
      .notification({ method, ...(params === undefined ? {} : { params: { ...params } }) })
      .catch(this.#options.onError);
  }

  async close(): Promise<void> {
    await this.#server.close();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.subscriptions.clear();
    this.#options.onClose(this);
  }

  #downstream(params: { readonly _meta?: unknown } | undefined, ctx: ServerContext) {
    const request = ctx.http?.req === undefined ? undefined : this.#options.requestOf(ctx.http.req);
    if (request === undefined)
      throw new RpcError(RpcCode.INTERNAL_ERROR, 'the HTTP request of this message is not known');
    const onProgress = progressTo(params?._meta, ctx, this.#options.onError);
    return {
      request,
      caller: this.#caller(ctx),
      signal: ctx.mcpReq.signal,
      subscriptions: this.subscriptions,
      setLogLevel: (level: string) => {
        if (!isLogLevel(level)) throw new RpcError(RpcCode.INVALID_PARAMS, `'${level}' is no log level`);
        this.logLevel = level;
        this.#options.onLogLevel();
      },
      ...(onProgress === undefined ? {} : { onProgress }),
    };
  }

  #caller(ctx: ServerContext): Caller {
    return {
      key: this.id,
      notify: (method, params) => {
        if (method === 'notifications/message' && !passesLevel(params?.['level'], this.logLevel)) return;
        ctx.mcpReq
          .notify({ method, ...(params === undefined ? {} : { params: { ...params } }) })
          .catch(this.#options.onError);
      },
      request: async (method, params, signal) => {
        assertClientCan(method, this.#server.getClientCapabilities());
        const sent = { method, ...(params === undefined ? {} : { params: { ...params } }) };
        return resultOf(await ctx.mcpReq.send(sent, RAW, { signal, timeout: CLIENT_ANSWER_MS }));
      },
    };
  }
}

/** The protocol package's server, with every method left to the gateway. */
export function createServer(capabilities: JsonObject, instructions: string | undefined): Server {
  const server = new Server(
    { name: 'bulkhead', version: HOST_VERSION },
    { capabilities: { ...capabilities }, ...(instructions === undefined ? {} : { instructions }) },
  );
  // The package would answer it itself, and no upstream would hear of it.
  server.removeRequestHandler('logging/setLevel');
  return server;
}

/** Reports an upstream's progress under the client's own token, when it gave one. */
export function progressTo(
  meta: unknown,
  ctx: ServerContext,
  onError: (error: unknown) => void,
): ((params: JsonObject) => void) | undefined {
  const token: unknown =
    typeof meta === 'object' && meta !== null ? Reflect.get(meta, 'progressToken') : undefined;
  if (typeof token !== 'string' && typeof token !== 'number') return undefined;
  return (params) => {
    ctx.mcpReq
      .notify({ method: 'notifications/progress', params: { progress: 0, ...params, progressToken: token } })
      .catch(onError);
  };
}
