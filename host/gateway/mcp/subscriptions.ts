import type { Upstream } from '../../upstream/upstream.js';
import type { Target } from './scope.js';

/** A client's subscriptions may be no more than this. */
const MAX_SUBSCRIPTIONS = 1_000;

/** The resources that one client wants to hear of. */
export interface Subscriptions {
  add(uri: string, target: Target): Promise<void>;
  remove(uri: string): Promise<void>;
  /** The URI to report an update under, when this client subscribed to it or to what it is a part of. */
  match(upstream: Upstream, updated: string): string | undefined;
  /** Ends them all. */
  clear(): void;
}

/** @param onError an upstream did not take an unsubscription; nobody waits for it */
export function createSubscriptions(onError: (error: unknown) => void): Subscriptions {
  const held = new Map<string, Target>();
  return {
    async add(uri, target) {
      if (held.has(uri)) return;
      if (held.size >= MAX_SUBSCRIPTIONS)
        throw new Error(`no more than ${String(MAX_SUBSCRIPTIONS)} subscriptions`);
      held.set(uri, target);
      try {
        await target.upstream.subscribe(target.name);
      } catch (error) {
        held.delete(uri);
        throw error;
      }
    },
    async remove(uri) {
      const target = held.get(uri);
      held.delete(uri);
      await target?.upstream.unsubscribe(target.name);
    },
    match(upstream, updated) {
      for (const [uri, target] of held) {
        if (target.upstream !== upstream) continue;
        if (target.name === updated) return uri;
        if (updated.startsWith(`${target.name}/`)) return updated;
      }
      return undefined;
    },
    clear() {
      for (const { upstream, name } of held.values()) upstream.unsubscribe(name).catch(onError);
      held.clear();
    },
  };
}
