import { parseJson } from '@bulkhead/proto/json';
import { DeliverEventsRequest, DeliverEventsResponse } from '@bulkhead/proto/plugin';
import { handleCall } from './handle-call.js';
import type { IncomingCall } from './incoming.js';
import type { Subscriptions } from './subscriptions.js';
import { WorkView, type CallEnvironment } from './work-context.js';

/** Hands events to the subscription's handler, one after another; the answer acknowledges all of them. */
export function deliverEvents(
  body: Uint8Array,
  incoming: IncomingCall,
  subscriptions: Subscriptions,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const { events, pattern, dropped } = DeliverEventsRequest.decode(body);
  const view = new WorkView(incoming, environment);
  const acknowledged = DeliverEventsResponse.encode({}).finish();
  return handleCall(
    `events '${pattern}'`,
    () => view.log,
    environment,
    async () => {
      if (dropped > 0n) {
        view.log.warn(`${dropped} events of '${pattern}' were dropped: this plugin fell behind`, { pattern });
      }
      const handler = subscriptions.handlerOf(pattern);
      if (handler === undefined) {
        subscriptions.forget(pattern);
        return acknowledged;
      }
      for (const { id, topic, dataJson, atMs } of events) {
        await handler({ id, topic, data: parseJson(dataJson || 'null'), atMs: Number(atMs) }, view);
      }
      return acknowledged;
    },
  );
}
