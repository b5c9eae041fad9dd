import type { Socket } from 'node:net';
import { formatDestination, isGranted, networkRules, parseDestination } from '@bulkhead/proto/rules';
import type { ConnectOptions, Network } from '../network/client.js';
import { destinationOf } from '../network/guarded-fetch.js';
import { createNetwork } from '../network/network.js';
import { noGrant } from '../network/refusal.js';
import type { RuntimeClock } from '../runtime/clock.js';
import type { CurrentCall } from '../runtime/current-call.js';

/** The network that a plugin under test sees. What its manifest does not ask for does not come through to these. */
export interface TestNetwork {
  /** Answers `host.http.fetch`. The global `fetch` is the test's own to replace. */
  readonly fetch?: typeof globalThis.fetch;
  /** Answers `host.net.connect`, for example with a connection to a server of the test's. */
  readonly connect?: (options: ConnectOptions) => Socket | Promise<Socket>;
}

/** `host.http` and `host.net` under the manifest's own grant, on the test's network. */
export function createTestNetwork(
  granted: readonly string[],
  given: TestNetwork,
  parts: { readonly clock: RuntimeClock; readonly calls: CurrentCall },
): Network {
  const rules = networkRules(granted);
  const assertGranted = (target: string): void => {
    const destination = parseDestination(target);
    if (destination === undefined || !isGranted(rules, destination)) throw noGrant(target);
  };
  return createNetwork(
    parts,
    async (input, init) => {
      const target = destinationOf(input);
      if (target !== undefined) assertGranted(target);
      if (given.fetch === undefined) throw missing('fetch', target ?? 'a request');
      return given.fetch(input, init);
    },
    async (options) => {
      const target = formatDestination(options);
      assertGranted(target);
      if (given.connect === undefined) throw missing('connect', target);
      return given.connect(options);
    },
  );
}

function missing(member: keyof TestNetwork, target: string): Error {
  return new Error(
    `a test dials nobody by itself: give testPlugin network.${member} to answer for ${target}`,
  );
}
