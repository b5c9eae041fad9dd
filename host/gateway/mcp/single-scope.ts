import type { JsonObject } from '@bulkhead/proto/json';
import { upstreamTool } from '../../tools/kinds/upstream-tool.js';
import type { Upstream } from '../../upstream/upstream.js';
import type { Contributed } from './contributed.js';
import { isObject, LISTS, type ListMethod } from './lists.js';
import { announcedCapabilities, EVERYTHING, upstreamPrompt, type Scope } from './scope.js';

/** One upstream under its own names. */
export function createSingleScope(
  upstream: Upstream,
  contributed: Pick<Contributed, 'showsTool' | 'hidesToolsOf'>,
): Scope {
  /** Without the tools that policy denies. */
  function shown(method: ListMethod, result: JsonObject): JsonObject {
    const { tools } = result;
    if (method !== 'tools/list' || !contributed.hidesToolsOf(upstream.name) || !Array.isArray(tools))
      return result;
    const kept = tools.filter((tool) => {
      const name: unknown = isObject(tool) ? tool['name'] : undefined;
      return typeof name !== 'string' || contributed.showsTool(upstream.name, name);
    });
    return { ...result, tools: kept };
  }

  return {
    upstreams: [upstream],
    capabilities: () => {
      const own = upstream.capabilities;
      return Object.keys(own).length === 0 ? EVERYTHING : announcedCapabilities(own);
    },
    instructions: () => upstream.instructions,
    async list(method, params, request) {
      const { items, capability } = LISTS[method];
      const known = upstream.state.kind !== 'ready' || capability in upstream.capabilities;
      // A server that is down has no tools for now; what it had comes back with list_changed.
      if (upstream.state.kind !== 'ready' || !known) return { [items]: [] };
      return shown(method, await upstream.request(method, params, request));
    },
    tool: (name) => upstreamTool(upstream, name),
    findTool: (name) => Promise.resolve(upstreamTool(upstream, name)),
    prompt: (name) => upstreamPrompt(upstream, name),
    completes: (name) => ({ upstream, name }),
    resource: (uri) => Promise.resolve({ upstream, name: uri }),
    uriOf: (_, uri) => uri,
    fallback: upstream,
  };
}
