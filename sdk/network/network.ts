import { formatDestination } from '@bulkhead/proto/rules';
import type { RuntimeClock } from '../runtime/clock.js';
import type { CurrentCall } from '../runtime/current-call.js';
import type { Network } from './client.js';
import { destinationOf, guardFetch, type Fetch } from './guarded-fetch.js';
import { openSocket } from './net-socket.js';
import { noGrant } from './refusal.js';
import { Relay } from './relay.js';
import { dialDirectly, dialThrough, type Dial } from './tunnel.js';
import { useProxy, type ProxyPlatform } from './use-proxy.js';

/** How a plugin's process reaches the network. */
export type NetworkWay =
  /** Through the host's proxy, which listens on this Unix socket. */
  | { readonly kind: 'granted'; readonly egressSocket: string }
  /** The host granted nothing. */
  | { readonly kind: 'refused' }
  /** No host that grants: one that only speaks go-plugin, or the process runs on a machine of its own. */
  | { readonly kind: 'direct' };

export interface NetworkParts {
  readonly clock: RuntimeClock;
  /** Requests that a handler makes end with its call. */
  readonly calls: CurrentCall;
  /** The process's environment, which libraries read the proxy from. */
  readonly env: Record<string, string | undefined>;
  /** Whose `fetch` is put under the grant. */
  readonly globals: { fetch: typeof globalThis.fetch };
  /** Default: node:http. */
  readonly platform?: ProxyPlatform;
}

/**
 * Opens the plugin's way to the network, and puts the global `fetch`, node:http, node:https and the libraries that read
 * HTTP_PROXY on it. Does next to nothing without a grant.
 */
export async function openNetwork(way: NetworkWay, parts: NetworkParts): Promise<Network> {
  switch (way.kind) {
    case 'refused': {
      const refusing = refuseAll(parts.globals.fetch);
      parts.globals.fetch = refusing.http.fetch;
      return refusing;
    }
    case 'direct':
      return createNetwork(parts, parts.globals.fetch, dialDirectly);
    case 'granted': {
      const relay = await Relay.open(way.egressSocket);
      await useProxy(`http://127.0.0.1:${relay.port}`, parts.env, parts.platform);
      const network = createNetwork(parts, parts.globals.fetch, dialThrough(way.egressSocket), relay);
      parts.globals.fetch = network.http.fetch;
      return network;
    }
  }
}

/** A network without any grant: each attempt says what to ask for. */
export function refuseAll(fetch: typeof globalThis.fetch): Network {
  const refuse: Fetch = (input, init) => {
    const destination = destinationOf(input);
    // data: and blob: need no network.
    return destination === undefined ? fetch(input, init) : Promise.reject(noGrant(destination));
  };
  return {
    http: { fetch: refuse },
    net: {
      connect: (options) => openSocket(options, () => Promise.reject(noGrant(formatDestination(options)))),
    },
  };
}

/** A network on these two ways to dial, with time limits and the call's cancellation. */
export function createNetwork(
  { clock, calls }: Pick<NetworkParts, 'clock' | 'calls'>,
  fetch: typeof globalThis.fetch,
  dial: Dial,
  relay?: Relay,
): Network {
  calls.follow();
  const guarded = guardFetch({
    fetch,
    clock,
    callSignal: () => calls.get()?.signal,
    ...(relay === undefined ? {} : { relay }),
  });
  return {
    http: { fetch: guarded },
    net: { connect: (options) => openSocket(options, dial) },
  };
}
