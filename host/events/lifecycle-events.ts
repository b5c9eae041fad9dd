import type { LifecycleEvent } from '../lifecycle/events.js';
import type { InstanceState } from '../lifecycle/state.js';
import type { NewEvent } from './outbox.js';

const TOPIC = 'plugin.lifecycle';
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
      // Its message quotes what the plugin printed, which is none of the subscribers' business.
      return { event: 'failed', code: to.failure.code, quarantined: to.kind === 'quarantined' };
    default:
      return undefined;
  }
}
