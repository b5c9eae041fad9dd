import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  EventServiceDefinition,
  PublishRequest,
  PublishResponse,
  SubscribeRequest,
  SubscribeResponse,
  UnsubscribeRequest,
  UnsubscribeResponse,
} from '@bulkhead/proto/host';
import type { EventOutbox } from '../../events/outbox.js';
import type { Subscriptions } from '../../events/subscriptions.js';
import { createHostMethods, type HostMethod, type PluginIdentity } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import type { Actor } from '../../telemetry/audit.js';
import { WriteShare } from '../write-share.js';

/** What the host alone says, whatever a plugin is called. */
const OF_THE_HOST = ['system', 'plugin', 'plugin_tool'];

/**
 * EventService: a plugin publishes under its own id and subscribes to what it likes.
 *
 * @param pluginIds of all that are configured: what lies under a longer one is that plugin's
 */
export function createEventMethods(
  outbox: Pick<EventOutbox, 'publish'>,
  subscriptions: Subscriptions,
  pluginIds: () => readonly string[],
): readonly HostMethod[] {
  const writes = new WriteShare({ maxBytes: 1_048_576, maxWaitingBytes: 16_777_216 });
  return createHostMethods(EventServiceDefinition, {
    async publish(body, { plugin }) {
      const { topic, dataJson } = readRequest(PublishRequest, body);
      assertOwn(topic, plugin, pluginIds());
      const eventId = await writes.enter(plugin.name, body.length, () => outbox.publish({ topic, dataJson }));
      return PublishResponse.encode({ eventId }).finish();
    },
    async subscribe(body, { plugin }) {
      const { pattern } = readRequest(SubscribeRequest, body);
      const { dropped } = await subscriptions.subscribe(plugin.name, pattern, actorOf(plugin));
      return SubscribeResponse.encode({ dropped: BigInt(dropped) }).finish();
    },
    async unsubscribe(body, { plugin }) {
      const { pattern } = readRequest(UnsubscribeRequest, body);
      await subscriptions.unsubscribe(plugin.name, pattern, actorOf(plugin));
      return UnsubscribeResponse.encode({}).finish();
    },
  });
}

function assertOwn(topic: string, { id }: PluginIdentity, ids: readonly string[]): void {
  const reserved = OF_THE_HOST.some((word) => topic === word || topic.startsWith(`${word}.`));
  // `com.example` is not to speak for `com.example.billing`.
  const others = ids.some((other) => other.length > id.length && topic.startsWith(`${other}.`));
  if (topic.startsWith(`${id}.`) && !reserved && !others) return;
  throw new BulkheadError(
    ErrorCode.PERMISSION_DENIED,
    `expected a topic that begins with '${id}.'; a plugin publishes under its own id, and not under another's`,
    { field: 'topic' },
  );
}

function actorOf({ name }: PluginIdentity): Actor {
  return { kind: 'plugin', id: name };
}
