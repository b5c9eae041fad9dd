import type { LifecycleEvent } from '../lifecycle/events.js';
import type { Failure, InstanceState } from '../lifecycle/state.js';
import type { NewEvent } from './outbox.js';

const TOPIC = 'plugin.lifecycle';
/** Of a reason: it ends up in every subscriber's backlog. */
const MAX_REASON_CHARS = 2_000;

/** What happened to a plugin's process as an event for plugins: loaded, unloaded or failed. */
export function lifecycleEvent(event: LifecycleEvent): NewEvent | undefined {
  if (event.kind !== 'state') return undefined;
  const told = describe(event.from, event.to);
  if (told === undefined) return undefined;
  const { plugin, instance } = event;
  return { topic: TOPIC, dataJson: JSON.stringify({ plugin, instance, ...told }) };
}

function describe(from: InstanceState, to: InstanceState): object | undefined {
  switch (to.kind) {
    case 'ready':
      return { event: 'loaded' };
    case 'stopped':
      // One that never ran was not loaded either.
      return from.kind === 'draining' ? { event: 'unloaded', reason: to.reason } : undefined;
    case 'failed':
    case 'quarantined':
      return { event: 'failed', ...reason(to.failure), quarantined: to.kind === 'quarantined' };
    default:
      return undefined;
  }
}

function reason({ code, message }: Failure): object {
  return { code, reason: message.slice(0, MAX_REASON_CHARS) };
}
