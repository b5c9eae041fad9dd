import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import Fastify, { type FastifyInstance } from 'fastify';
import { createAccessCheck } from '../gateway/access.js';
import type { PluginRpc } from '../contributions/rpc.js';
import { addApi, type ApiRoutes } from './api.js';
import type { RoleCheck } from './role-check.js';
import type { Control } from './control.js';
import { answerErrors } from './error-answer.js';
import { createAuthenticate } from './tokens/authenticate.js';
import { addSessionRoutes, type SessionRoutesOptions } from './tokens/session-routes.js';

const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;

export interface ControlPlaneOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What Host and Origin may say besides the listener's own names. */
  readonly allowedHosts: readonly string[];
  /** A proxy in front ends TLS, so cookies are for TLS only. Default: false. */
  readonly behindProxy?: boolean;
  readonly control: Pick<Control, 'readiness'>;
  /** What asks for a token. Default: not served. */
  readonly guarded?: GuardedRoutes;
}

/** `/api/v1`, browser sessions and `/metrics`. */
export interface GuardedRoutes extends Omit<SessionRoutesOptions, 'secure'> {
  readonly routes: readonly ApiRoutes[];
  readonly checkRole: RoleCheck;
  /** RPC methods of plugins. Default: not served. */
  readonly rpc?: PluginRpc;
  /** Takes the values of secrets out of each answer of the API. */
  readonly redact: (text: string) => string;
  /** Prometheus text. */
  readonly metrics: () => string;
}

export interface ControlPlane {
  /** For example `http://127.0.0.1:7411`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Opens the control plane: `/healthz` (the process lives) and `/readyz` (every enabled plugin and upstream serves).
 * Both are open, so they tell nothing but the names of the guards that are down; all else asks for a token.
 *
 * @throws LISTEN_FAILED when the address cannot be had
 */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  answerErrors(app);
  // The names that it goes by are known when its port is.
  let checkAccess: ReturnType<typeof createAccessCheck> | undefined;
  app.addHook('onRequest', async ({ headers }) => {
    checkAccess?.(headers.host, headers.origin);
  });
  if (options.guarded !== undefined) addGuarded(app, options.guarded, options.behindProxy === true);
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const { state, guards_down } = options.control.readiness();
    await reply.code(state === 'ready' ? 200 : 503).send({ status: state, guards_down });
  });
  try {
    const url = await app.listen({ host: options.host, port: options.port });
    checkAccess = createAccessCheck({ ...options, port: Number(new URL(url).port) });
    return { url, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw listenFailed(error, 'listen.control', options.host, options.port);
  }
}

function addGuarded(app: FastifyInstance, guarded: GuardedRoutes, secure: boolean): void {
  const { routes, rpc, metrics, redact, checkRole } = guarded;
  const authenticate = createAuthenticate(guarded);
  addSessionRoutes(app, { ...guarded, secure });
  addApi(app, { routes, authenticate, checkRole, redact, ...(rpc === undefined ? {} : { rpc }) });
  app.get('/metrics', async (request, reply) => {
    checkRole(request, await authenticate(request), 'metrics');
    await reply.type('text/plain; version=0.0.4; charset=utf-8').send(metrics());
  });
}

/** A listener that could not be opened, as an error that says which and what to do. */
export function listenFailed(thrown: unknown, key: string, host: string, port: number): BulkheadError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const address = `${host}:${port}`;
  const options = { cause: thrown, field: key };
  if (code === 'EADDRINUSE') {
    const advice = `Stop the program that uses it, or set ${key} to another address.`;
    return new BulkheadError(ErrorCode.LISTEN_FAILED, `The address ${address} is taken. ${advice}`, options);
  }
  const reason = BulkheadError.from(thrown).message;
  const message = `Cannot listen on ${address}: ${reason}. Set ${key} to an address that this machine has.`;
  return new BulkheadError(ErrorCode.LISTEN_FAILED, message, options);
}
