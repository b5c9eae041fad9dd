import type { Clock } from '../clock.js';
import type { Connection } from './connection.js';

/** How soon a suspect HTTP server must answer a ping. */
const PROBE_TIMEOUT_MS = 2_000;
/** An HTTP server that says nothing for so long is asked whether it lives. */
const HEARTBEAT_MS = 10_000;

/** Finds out whether an HTTP server is still there: unlike a process it does not say when it goes. */
export class Liveness {
  readonly #clock: Clock;
  readonly #onGone: (connection: Connection, reason: string) => void;
  #watched: Connection | undefined;
  #cancelBeat: () => void = () => {};
  #probing = false;

  constructor(clock: Clock, onGone: (connection: Connection, reason: string) => void) {
    this.#clock = clock;
    this.#onGone = onGone;
  }

  /** Asks now and then, until another connection is watched, or none. */
  watch(connection: Connection | undefined): void {
    this.#cancelBeat();
    this.#watched = connection;
    if (connection === undefined) return;
    this.#cancelBeat = this.#clock.after(HEARTBEAT_MS, () => {
      void this.suspect(connection, 'it does not answer a ping').finally(() => {
        if (this.#watched === connection) this.watch(connection);
      });
    });
  }

  /** Asks at once. Never rejects. */
  async suspect(connection: Connection, reason: string): Promise<void> {
    // One at a time, however many calls fail at once.
    if (this.#probing) return;
    this.#probing = true;
    try {
      await connection.request('ping', undefined, { timeoutMs: PROBE_TIMEOUT_MS });
    } catch (error) {
      // An answer, even an error, is a sign of life.
      if (error instanceof Error && 'code' in error && typeof error.code === 'number') return;
      this.#onGone(connection, reason);
    } finally {
      this.#probing = false;
    }
  }
}
