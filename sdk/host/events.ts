import { EventServiceClientImpl } from '@bulkhead/proto/host';
import { stringifyJson } from '@bulkhead/proto/json';
import type { EventHandler } from '../contributions.js';
import type { SubscribeCalls, Subscriptions } from '../runtime/subscriptions.js';
import type { HostRpc } from './transport.js';

/** Events of the host and of plugins. Scopes events.publish and events.subscribe. */
export interface Events {
  /**
   * Publishes under the plugin's own id: `com.example.orders.created` for the plugin com.example.orders. It stands when this
   * resolves.
   *
   * @returns the event's id
   * @throws BulkheadError PERMISSION_DENIED for somebody else's topic, as a rejection
   */
  publish(topic: string, data?: unknown): Promise<string>;
  /**
   * Subscribes, for a pattern that is known only at run time; others belong under `events` of what setup returns. The host
   * keeps the subscription over restarts, so subscribe in setup: events of one that nothing handles end it.
   */
  subscribe(pattern: string, handler: EventHandler<unknown>): Promise<void>;
  unsubscribe(pattern: string): Promise<void>;
}

export function createEvents(rpc: HostRpc, subscriptions: Subscriptions): Events {
  const client = new EventServiceClientImpl(rpc);
  return {
    publish: async (topic, data = null) =>
      (await client.Publish({ topic, dataJson: stringifyJson(data) })).eventId,
    subscribe: (pattern, handler) => subscriptions.subscribe(pattern, handler),
    unsubscribe: (pattern) => subscriptions.unsubscribe(pattern),
  };
}

/** The calls behind subscriptions, however they came to be. */
export function createSubscribeCalls(rpc: HostRpc): SubscribeCalls {
  const client = new EventServiceClientImpl(rpc);
  return {
    async subscribe(pattern) {
      await client.Subscribe({ pattern });
    },
    async unsubscribe(pattern) {
      await client.Unsubscribe({ pattern });
    },
  };
}
