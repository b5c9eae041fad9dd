import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { PluginRpc } from '../contributions/rpc.js';
import { addPluginRpc } from './rpc-routes.js';
import { mayAct, type ApiCaller, type Role } from './roles.js';
import { addOpenApi, serveOpenApi } from './openapi.js';

export type { ApiCaller, Role } from './roles.js';

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
  /** `/plugin/<id>/rpc/<method>`. Default: not served. */
  readonly rpc?: PluginRpc;
}

/** Adds `/api/v1` and the RPC of plugins to a listener: every route asks who calls, and whether that is enough. */
export function addApi(app: FastifyInstance, { routes, authenticate, rpc }: ApiOptions): void {
  if (rpc !== undefined) addPluginRpc(app, { rpc, authenticate });
  app.register(
    (api, _options, done) => {
      api.addHook('onRoute', ({ url, config }) => {
        if (config?.role === undefined)
          throw new BulkheadError(ErrorCode.INTERNAL, `${url}: a route of the API must name a role`);
      });
      api.addHook('onRequest', async (request) => {
        request.caller = await authenticate(request);
        const { role } = request.routeOptions.config;
        if (role !== undefined && mayAct(request.caller.role, role)) return;
        throw new BulkheadError(
          ErrorCode.FORBIDDEN,
          `expected the role '${role ?? 'admin'}' or a higher one, got '${request.caller.role}'`,
        );
      });
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
