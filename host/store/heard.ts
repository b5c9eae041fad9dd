import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** PostgreSQL takes less than 8,000 bytes. */
export const MAX_PAYLOAD_BYTES = 7_900;
const CHANNEL = /^[a-z][a-z0-9_]{0,62}$/;

export interface Listener {
  readonly hear: (payload: string) => void;
  readonly onHearing: (() => void) | undefined;
}

/** Who listens to what. */
export interface Heard {
  /** Returns the function that unsubscribes. */
  add(channel: string, listener: Listener): () => void;
  emit(channel: string, payload: string): void;
  /** Hearing began: tells every listener of those channels. */
  hearing(channels: Iterable<string>): void;
  channels(): readonly string[];
}

/** @param onChannel a channel has its first listener, or lost its last one */
export function createHeard(onChannel: (channel: string, listened: boolean) => void = () => {}): Heard {
  const channels = new Map<string, Set<Listener>>();
  return {
    add(channel, listener) {
      assertChannel(channel);
      let listeners = channels.get(channel);
      if (listeners === undefined) {
        listeners = new Set();
        channels.set(channel, listeners);
        onChannel(channel, true);
      }
      listeners.add(listener);
      return () => {
        if (listeners.delete(listener) && listeners.size === 0 && channels.get(channel) === listeners) {
          channels.delete(channel);
          onChannel(channel, false);
        }
      };
    },
    emit(channel, payload) {
      for (const { hear } of channels.get(channel) ?? [])
        apart(() => {
          hear(payload);
        });
    },
    hearing(names) {
      for (const name of names) {
        for (const { onHearing } of channels.get(name) ?? []) if (onHearing !== undefined) apart(onHearing);
      }
    },
    channels: () => [...channels.keys()],
  };
}

/** In a turn of its own, so that whoever tells never waits for a listener, and one listener's fault is not another's. */
function apart(run: () => void): void {
  queueMicrotask(run);
}

export function assertChannel(channel: string): void {
  if (CHANNEL.test(channel)) return;
  throw new BulkheadError(
    ErrorCode.INTERNAL,
    `expected a channel of lower case letters, digits and underscores, got '${channel}'`,
  );
}

export function assertPayload(payload: string): void {
  const bytes = Buffer.byteLength(payload);
  if (bytes <= MAX_PAYLOAD_BYTES) return;
  throw new BulkheadError(
    ErrorCode.INTERNAL,
    `expected a notification of at most ${MAX_PAYLOAD_BYTES} bytes, got ${bytes}`,
  );
}
