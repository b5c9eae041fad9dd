import type { Failure, Health, InstanceState } from './state.js';

/** What happens to plugins, for the log, readiness and whoever subscribes. `instance` counts from 0. */
export type LifecycleEvent =
  | {
      readonly kind: 'state';
      readonly plugin: string;
      readonly instance: number;
      readonly from: InstanceState;
      readonly to: InstanceState;
    }
  | { readonly kind: 'health'; readonly plugin: string; readonly instance: number; readonly health: Health }
  /** A process that failed will be started again. */
  | {
      readonly kind: 'restart';
      readonly plugin: string;
      readonly instance: number;
      readonly failure: Failure;
      readonly delayMs: number;
    }
  | {
      readonly kind: 'quarantine';
      readonly plugin: string;
      readonly instance: number;
      readonly failure: Failure;
      readonly retryInMs: number;
    }
  /** The set of plugins that take calls, or the configuration of one, is another now. Told in the same tick as the swap. */
  | { readonly kind: 'changed'; readonly plugin: string };

export type LifecycleListener = (event: LifecycleEvent) => void;

export interface Events {
  readonly emit: LifecycleListener;
  /** Returns the function that unsubscribes. */
  subscribe(listener: LifecycleListener): () => void;
}

/** Tells every listener in turn; one that throws harms nobody. */
export function createEvents(onListenerError: (error: unknown) => void): Events {
  const listeners = new Set<LifecycleListener>();
  return {
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
