import type { Clock } from '../clock.js';
import type { LifecyclePort } from '../lifecycle/plugin-calls.js';
import type { Leases } from './leases.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/logger.js';
import { pendingSubscriptions } from './backlog.js';
import { EVENTS_CHANNEL } from './create-outbox.js';
import { leaseName, SubscriptionWorker } from './subscription-worker.js';
import type { Trimmer } from './trimmer.js';

/** A plugin that may be sent events. */
export interface EventReceiver {
  /** The configured entry's name. */
  readonly name: string;
  readonly port: Pick<LifecyclePort, 'call' | 'serving'>;
}

export interface DeliveryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leases: Leases;
  /** The plugins that take calls on this host now. */
  readonly receivers: () => readonly EventReceiver[];
  readonly trimmer: Pick<Trimmer, 'trimSometimes'>;
  /** Between two looks when nobody said that there is something. Default: 2,000. */
  readonly pollMs?: number;
}

export interface Delivery {
  start(): void;
  /** The plugins that take calls are others now: what waited for one need not wait longer. */
  retry(): void;
  /** Begins no more calls. */
  pause(): void;
  /** Resolves when none is under way. */
  stop(): Promise<void>;
}

const POLL_MS = 2_000;

/**
 * Sends what waits to the plugins on this host: as soon as some host says that there is something, and now and then in case
 * nobody could.
 */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { store, clock, log, leases, receivers, trimmer, pollMs = POLL_MS } = options;
  const workers = new Map<number, SubscriptionWorker>();
  let paused = false;
  let looking: Promise<void> | undefined;
  let again = false;
  let cancelPoll: () => void = () => {};
  let unlisten: () => void = () => {};

  const receiver = (entry: string): EventReceiver | undefined =>
    paused ? undefined : receivers().find(({ name }) => name === entry);

  /** A plugin that is down here may be up on another host. */
  const leaveToOthers = async (): Promise<void> => {
    const serving = new Set(
      receivers()
        .filter(({ port }) => port.serving)
        .map(({ name }) => leaseName(name)),
    );
    for (const lease of leases.held) if (!serving.has(lease.name)) await leases.release(lease);
  };

  const look = async (): Promise<void> => {
    do {
      again = false;
      const names = receivers().map(({ name }) => name);
      await leaveToOthers();
      const pending = await pendingSubscriptions(store, names);
      for (const subscription of pending) {
        let worker = workers.get(subscription.id);
        if (worker === undefined) {
          worker = new SubscriptionWorker(subscription, { ...options, receiver });
          workers.set(subscription.id, worker);
        }
        worker.kick();
      }
      const ids = new Set(pending.map(({ id }) => id));
      for (const [id, worker] of workers) if (worker.idle && !ids.has(id)) workers.delete(id);
      await trimmer.trimSometimes();
    } while (again && !paused);
  };

  const kick = (): void => {
    if (paused) return;
    if (looking !== undefined) {
      again = true;
      return;
    }
    looking = look()
      .catch((error: unknown) => {
        log.warn({ err: error }, 'could not look for events that wait; looking again later');
      })
      .then(() => {
        looking = undefined;
        // Somebody may have said so between the last look and now.
        if (again) kick();
      });
  };

  const poll = (): void => {
    kick();
    cancelPoll = clock.after(pollMs, poll);
  };

  return {
    start() {
      unlisten = store.listen(EVENTS_CHANNEL, kick);
      poll();
    },
    retry() {
      for (const worker of workers.values()) worker.retryNow();
      kick();
    },
    pause() {
      paused = true;
      cancelPoll();
      unlisten();
    },
    async stop() {
      this.pause();
      await looking;
      await Promise.all([...workers.values()].map(async (worker) => worker.stop()));
    },
  };
}
