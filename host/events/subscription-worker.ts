import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { DeliverEventsRequest } from '@bulkhead/proto/plugin';
import type { Clock } from '../clock.js';
import type { Lease, Leases } from './leases.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/logger.js';
import { acknowledge, readBatch, type PendingSubscription } from './backlog.js';
import type { EventReceiver } from './delivery.js';

const DELIVER = '/bulkhead.plugin.v1.EventService/DeliverEvents';
const DELIVERY_TIMEOUT_MS = 30_000;
const MAX_BATCH_EVENTS = 100;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 30_000;

export interface WorkerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leases: Leases;
  /** The plugin, when it takes calls on this host. */
  readonly receiver: (entry: string) => EventReceiver | undefined;
}

/** Who has it delivers to the plugin. */
export function leaseName(entry: string): string {
  return `events/${entry}`;
}

/** Delivers one subscription's events: in order, one call at a time, each again until it was answered. */
export class SubscriptionWorker {
  readonly #subscription: PendingSubscription;
  readonly #options: WorkerOptions;
  #running: Promise<void> | undefined;
  #cancelBackoff: (() => void) | undefined;
  #failures = 0;
  /** One after a failure, so that what is good gets through up to what is not. */
  #batchEvents = MAX_BATCH_EVENTS;
  #stopped = false;

  constructor(subscription: PendingSubscription, options: WorkerOptions) {
    this.#subscription = subscription;
    this.#options = options;
  }

  get idle(): boolean {
    return this.#running === undefined && this.#cancelBackoff === undefined;
  }

  /** There is something to deliver. */
  kick(): void {
    if (this.#stopped || !this.idle) return;
    this.#running = this.#deliverAll().then(() => {
      this.#running = undefined;
    });
  }

  /** What it failed for may be over. */
  retryNow(): void {
    this.#cancelBackoff?.();
    this.#cancelBackoff = undefined;
    this.kick();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelBackoff?.();
    await this.#running;
  }

  /** Never rejects. */
  async #deliverAll(): Promise<void> {
    const { leases, receiver } = this.#options;
    const { entry } = this.#subscription;
    while (!this.#stopped && receiver(entry)?.port.serving === true) {
      try {
        const lease = await leases.acquire(leaseName(entry));
        if (lease === undefined || !(await this.#deliverSome(lease))) return;
        this.#failures = 0;
      } catch (error) {
        this.#backOff(error);
        return;
      }
    }
  }

  /** False when nothing waits. */
  async #deliverSome(lease: Lease): Promise<boolean> {
    const { store, receiver, leases } = this.#options;
    const { id, entry, pattern } = this.#subscription;
    const batch = await readBatch(store, id, this.#batchEvents);
    const port = receiver(entry)?.port;
    if (batch.events.length === 0 || port === undefined) return false;
    const { events, dropped } = batch;
    const body = DeliverEventsRequest.encode({
      events: [...events],
      pattern,
      dropped: BigInt(dropped),
    }).finish();
    await port.call(DELIVER, body, { timeoutMs: DELIVERY_TIMEOUT_MS, signal: lease.lost });
    if (!(await acknowledge(store, id, batch, lease))) {
      // Asked for anew, it is this host's or it is not.
      await leases.release(lease);
      return false;
    }
    this.#batchEvents = Math.min(MAX_BATCH_EVENTS, this.#batchEvents * 2);
    return true;
  }

  #backOff(thrown: unknown): void {
    if (this.#stopped) return;
    const { clock, log } = this.#options;
    const { entry, pattern } = this.#subscription;
    const error = BulkheadError.from(thrown);
    const delayMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures);
    // A plugin that is down tells of itself; its backlog waits.
    const down = error.code === ErrorCode.PLUGIN_UNAVAILABLE || error.code === ErrorCode.PLUGIN_EXITED;
    log[down ? 'debug' : 'warn'](
      { plugin: entry, pattern, code: error.code, retry_in_ms: delayMs },
      `events could not be delivered: ${error.message}`,
    );
    this.#failures += 1;
    this.#batchEvents = 1;
    this.#cancelBackoff = clock.after(delayMs, () => {
      this.#cancelBackoff = undefined;
      this.kick();
    });
  }
}
