import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Actor } from '../telemetry/audit.js';
import { addOpenApi, serveOpenApi } from './openapi.js';

/** What somebody may do on the control plane; each may do what the ones before may. `metrics` reads `/metrics` and nothing else. */
export const ROLES = ['metrics', 'viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: string): text is Role {
  return ROLES.some((role) => role === text);
}

/** Whether a role is enough. */
export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** @throws FORBIDDEN when the caller's role is not enough */
export function assertRole({ role }: ApiCaller, needed: Role): void {
  if (mayAct(role, needed)) return;
  throw new BulkheadError(
    ErrorCode.FORBIDDEN,
    `expected the role '${needed}' or a higher one, got '${role}'`,
  );
}

/** Who asks, as the listener found out. */
export interface ApiCaller {
  readonly actor: Actor;
  readonly role: Role;
}

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
  /** Takes the values of secrets out of each answer. Default: none is known. */
  readonly redact?: (text: string) => string;
}

/** Adds `/api/v1` to a listener: every route of it asks who calls, and whether that is enough. */
export function addApi(app: FastifyInstance, { routes, authenticate, redact }: ApiOptions): void {
  app.register(
    (api, _options, done) => {
      api.addHook('onRoute', ({ url, config }) => {
        if (config?.role === undefined)
          throw new BulkheadError(ErrorCode.INTERNAL, `${url}: a route of the API must name a role`);
      });
      api.addHook('onRequest', async (request) => {
        request.caller = await authenticate(request);
        assertRole(request.caller, request.routeOptions.config.role ?? 'admin');
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
