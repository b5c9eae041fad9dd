import { LISTS } from './lists.js';
import { announcedCapabilities, EVERYTHING, type Scope } from './scope.js';
import type { Upstream } from '../../upstream/upstream.js';

/** One upstream under its own names. */
export function createSingleScope(upstream: Upstream): Scope {
  return {
    upstreams: [upstream],
    capabilities: () => {
      const own = upstream.capabilities;
      return Object.keys(own).length === 0 ? EVERYTHING : announcedCapabilities(own);
    },
    instructions: () => upstream.instructions,
    list(method, params, request) {
      const { items, capability } = LISTS[method];
      const known = upstream.state.kind !== 'ready' || capability in upstream.capabilities;
      // A server that is down has no tools for now; what it had comes back with list_changed.
      if (upstream.state.kind !== 'ready' || !known) return Promise.resolve({ [items]: [] });
      return upstream.request(method, params, request);
    },
    named: (name) => ({ upstream, name }),
    resource: (uri) => Promise.resolve({ upstream, name: uri }),
    uriOf: (_, uri) => uri,
    fallback: upstream,
  };
}
