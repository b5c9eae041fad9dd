import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { PluginRpc } from '../contributions/rpc.js';
import { addPluginRpc } from './rpc-routes.js';
import type { RoleCheck } from './role-check.js';
import { assertRole, type ApiCaller, type Role } from './roles.js';
import { addOpenApi, serveOpenApi } from './openapi.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The lowest role that may ask; a route of the API without one is not served. */
    role?: Role;
  }
  interface FastifyRequest {
    /** Set before a route of the API runs. */
    caller: ApiCaller;
  }
}

/** Adds the routes of one part of the host; paths count from `/api/v1`. */
export type ApiRoutes = (app: FastifyInstance) => void;

export interface ApiOptions {
  readonly routes: readonly ApiRoutes[];
  /** Who asks. @throws UNAUTHENTICATED */
  readonly authenticate: (request: FastifyRequest) => ApiCaller | Promise<ApiCaller>;
  /** Default: one that tells nobody. */
  readonly checkRole?: RoleCheck;
  /** Takes the values of secrets out of each answer of `/api/v1`. Default: none is known. */
  readonly redact?: (text: string) => string;
  /** `/plugin/<id>/rpc/<method>`. Default: not served. */
  readonly rpc?: PluginRpc;
}

/** Adds `/api/v1` and the RPC of plugins to a listener: every route asks who calls, and whether that is enough. */
export function addApi(app: FastifyInstance, options: ApiOptions): void {
  const { routes, authenticate, redact, rpc } = options;
  const checkRole: RoleCheck =
    options.checkRole ??
    ((_request, caller, needed) => {
      assertRole(caller, needed);
    });
  if (rpc !== undefined) addPluginRpc(app, { rpc, authenticate, checkRole });
  app.register(
    (api, _options, done) => {
      api.addHook('onRoute', ({ url, config }) => {
        if (config?.role === undefined)
          throw new BulkheadError(ErrorCode.INTERNAL, `${url}: a route of the API must name a role`);
      });
      api.addHook('onRequest', async (request) => {
        request.caller = await authenticate(request);
        checkRole(request, request.caller, request.routeOptions.config.role ?? 'admin');
      });
      if (redact !== undefined) {
        api.addHook('onSend', (_request, _reply, payload, sent) => {
          sent(null, typeof payload === 'string' ? redact(payload) : payload);
        });
      }
      addOpenApi(api);
      // After what describes them.
      api.register((described, _none, added) => {
        try {
          for (const add of [...routes, serveOpenApi]) add(described);
          added();
        } catch (error) {
          added(BulkheadError.from(error));
        }
      });
      done();
    },
    { prefix: '/api/v1' },
  );
}
