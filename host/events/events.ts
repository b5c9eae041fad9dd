import type { Clock } from '../clock.js';
import type { LifecycleEvent } from '../lifecycle/events.js';
import { Leases } from './leases.js';
import type { Store } from '../store/store.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { createOutbox } from './create-outbox.js';
import { createDelivery, type DeliveryOptions } from './delivery.js';
import { lifecycleEvent } from './lifecycle-events.js';
import type { EventOutbox } from './outbox.js';
import { createSubscriptions, type Subscriptions } from './subscriptions.js';
import type { BacklogBound } from './trim.js';
import { createTrimmer } from './trimmer.js';

export interface EventsOptions extends Pick<DeliveryOptions, 'receivers' | 'pollMs'> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  /** What may wait for one subscription. */
  readonly bound: () => BacklogBound;
  /** Default: those of this host. Tests pass shorter times. */
  readonly leases?: Leases;
}

/** Events from whoever raises them to the plugins that subscribed. */
export interface Events {
  readonly outbox: EventOutbox;
  readonly subscriptions: Subscriptions;
  /** Tells plugins what happened to a plugin. */
  onLifecycle(event: LifecycleEvent): void;
  start(): void;
  /** The plugins that take calls are others now. */
  rewire(): void;
  /** Begins no more calls to plugins. */
  pause(): void;
  stop(): Promise<void>;
}

export function createEvents(options: EventsOptions): Events {
  const { store, clock, log, audit } = options;
  const leases = options.leases ?? new Leases(store, clock, log);
  const trimmer = createTrimmer(options);
  const outbox = createOutbox(store, clock, log, trimmer);
  const delivery = createDelivery({ ...options, leases, trimmer });
  return {
    outbox,
    subscriptions: createSubscriptions(store, clock, audit),
    onLifecycle(happened) {
      const event = lifecycleEvent(happened);
      if (event === undefined) return;
      outbox.publish(event).catch((error: unknown) => {
        log.warn({ err: error, plugin: happened.plugin }, 'an event about a plugin could not be kept');
      });
    },
    start() {
      leases.start();
      delivery.start();
    },
    rewire: () => {
      delivery.retry();
    },
    pause: () => {
      delivery.pause();
    },
    async stop() {
      await delivery.stop();
      await outbox.settled();
      await leases.stop();
    },
  };
}
