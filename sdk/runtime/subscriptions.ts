import type { PluginEvent } from '../contributions.js';
import type { WorkContext } from '../hook-context.js';
import type { Logger } from '../logger.js';

type Handler = (event: PluginEvent, context: WorkContext<unknown>) => unknown;

/** What subscribes at the host. */
export interface SubscribeCalls {
  subscribe(pattern: string): Promise<void>;
  unsubscribe(pattern: string): Promise<void>;
}

/** Which handler takes the events of which subscription. The host keeps subscriptions over restarts; handlers do not outlive one. */
export class Subscriptions {
  readonly #calls: SubscribeCalls;
  readonly #log: Logger;
  readonly #handlers = new Map<string, Handler>();

  constructor(calls: SubscribeCalls, log: Logger) {
    this.#calls = calls;
    this.#log = log;
  }

  handlerOf(pattern: string): Handler | undefined {
    return this.#handlers.get(pattern);
  }

  /** @throws BulkheadError PERMISSION_DENIED without the scope, UNKNOWN_METHOD under a host without events; as a rejection */
  async subscribe(pattern: string, handler: Handler): Promise<void> {
    this.#handlers.set(pattern, handler);
    try {
      await this.#calls.subscribe(pattern);
    } catch (error) {
      this.#handlers.delete(pattern);
      throw error;
    }
  }

  async unsubscribe(pattern: string): Promise<void> {
    await this.#calls.unsubscribe(pattern);
    this.#handlers.delete(pattern);
  }

  /** Ends a subscription of an earlier version of the plugin, that nothing handles any more. */
  forget(pattern: string): void {
    this.#log.warn(`nothing handles events of '${pattern}' any more: the subscription ends`, { pattern });
    this.#calls.unsubscribe(pattern).catch((error: unknown) => {
      this.#log.warn(`the subscription of '${pattern}' could not be ended`, { pattern, error });
    });
  }
}
