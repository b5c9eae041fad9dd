import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { HandleRouteRequest, HandleRouteResponse } from '@bulkhead/proto/plugin';
import type { RouteDeclaration } from '@bulkhead/proto/rules';
import type { RequestContext } from '../dispatch/invocation.js';
import { pluginContext } from '../dispatch/plugin-context.js';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import { responseHeaders } from './response-headers.js';
import { compareRoutes, matchRoute, parseRoutePattern, splitPath, type RoutePattern } from './route-path.js';
import { readAnswer } from '../sidecar/read-message.js';

/** A route that fits a request. */
export interface FoundRoute {
  readonly plugin: ActivePlugin;
  readonly route: RouteDeclaration;
  /** Below `/plugins/<id>`. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}

export interface RouteRequest {
  readonly method: string;
  /** Without the question mark. */
  readonly query: string;
  /** Lower-case names, without the host's credentials. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
}

export interface RouteAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The HTTP routes that plugins contribute. */
export interface PluginRoutes {
  /** @param path the request's, without the query; undefined when no plugin has a route for it */
  find(method: string, path: string): FoundRoute | undefined;
  /** @throws PLUGIN_UNAVAILABLE, INVALID_ANSWER, and what the plugin throws */
  handle(found: FoundRoute, request: RouteRequest): Promise<RouteAnswer>;
}

export const ROUTES_PREFIX = '/plugins/';

/** What a plugin's own `/` may be asked by, besides the path without it. */
const ROOT = /^\/plugins\/[^/]+\/$/;
const HANDLE_ROUTE = '/bulkhead.plugin.v1.RouteService/HandleRoute';
const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_TIMEOUT_MS = 300_000;

interface Prepared {
  readonly pattern: RoutePattern;
  readonly route: RouteDeclaration;
}

export function createPluginRoutes(active: () => readonly ActivePlugin[]): PluginRoutes {
  // Routes are a manifest's, and a manifest is read once.
  const prepared = new WeakMap<object, readonly Prepared[]>();

  function routesOf({ config }: ActivePlugin): readonly Prepared[] {
    const { contributions } = config.manifest;
    let routes = prepared.get(contributions);
    if (routes === undefined) {
      routes = contributions.routes
        .flatMap((route) => {
          const pattern = parseRoutePattern(route.path);
          return pattern === undefined ? [] : [{ pattern, route }];
        })
        .toSorted((a, b) => compareRoutes(a.pattern, b.pattern));
      prepared.set(contributions, routes);
    }
    return routes;
  }

  /** By its entry, or by its id where only one entry has it. */
  function pluginOf(id: string): ActivePlugin | undefined {
    const plugins = active();
    const byName = plugins.find(({ config }) => config.name === id);
    if (byName !== undefined) return byName;
    const [only, ...others] = plugins.filter(({ config }) => config.manifest.id === id);
    return others.length === 0 ? only : undefined;
  }

  return {
    find(method, path) {
      if (!path.startsWith(ROUTES_PREFIX)) return undefined;
      const parts = splitPath(ROOT.test(path) ? path.slice(0, -1) : path);
      const [, id, ...rest] = parts ?? [];
      const plugin = id === undefined ? undefined : pluginOf(id);
      if (plugin === undefined) return undefined;
      for (const { pattern, route } of routesOf(plugin)) {
        if (!route.methods.includes(method)) continue;
        if (route.auth === 'none' && !plugin.config.granted.openRoutes) continue;
        const params = matchRoute(pattern, rest);
        if (params !== undefined) return { plugin, route, params, path: belowPlugin(path) };
      }
      return undefined;
    },
    async handle({ plugin: { config, port }, route, path, params }, request) {
      const { method, query, headers, body, context, signal } = request;
      const encoded = HandleRouteRequest.encode({
        method,
        route: route.path,
        path,
        params: { ...params },
        query,
        headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
        body: Buffer.from(body),
        context: pluginContext(config, { ...context, serverId: config.name }),
      }).finish();
      const timeoutMs = Math.min(route.timeoutMs ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS);
      const answer = readAnswer(
        HandleRouteResponse,
        await port.call(HANDLE_ROUTE, encoded, { timeoutMs, signal }),
      );
      const who = `plugin '${config.name}', ${method} ${route.path}`;
      const status = answer.statusCode === 0 ? 200 : answer.statusCode;
      if (status < 200 || status > 599)
        throw new BulkheadError(ErrorCode.INVALID_ANSWER, `${who}: expected a status of 200 to 599`);
      return { status, headers: responseHeaders(answer.headers, who), body: answer.body };
    },
  };
}

/** `/plugins/<id>/a/b` → `/a/b`, as it came. */
function belowPlugin(path: string): string {
  const at = path.indexOf('/', ROUTES_PREFIX.length);
  return at < 0 ? '/' : path.slice(at);
}
