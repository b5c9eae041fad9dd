import type { Logger } from 'pino';
import type { Clock } from '../clock.js';

export interface DisabledPlugin {
  readonly plugin: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly reason: string;
}

/** Plugins that `on_error: disable` took out of rotation. Only an operator puts one back; the process runs on meanwhile. */
export class Rotation {
  readonly #out = new Map<string, DisabledPlugin>();
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  isOut(plugin: string): boolean {
    return this.#out.size > 0 && this.#out.has(plugin);
  }

  disable(plugin: string, reason: string): void {
    if (this.#out.has(plugin)) return;
    this.#out.set(plugin, { plugin, since: this.#clock.now(), reason });
    this.#log.error(
      { plugin, reason },
      'plugin is out of rotation (on_error: disable) until an operator resets it',
    );
  }

  reset(plugin: string): void {
    if (this.#out.delete(plugin)) this.#log.info({ plugin }, 'plugin is back in rotation');
  }

  /** Forgets plugins that the configuration no longer has. */
  retain(plugins: ReadonlySet<string>): void {
    for (const plugin of this.#out.keys()) if (!plugins.has(plugin)) this.#out.delete(plugin);
  }

  list(): readonly DisabledPlugin[] {
    return [...this.#out.values()];
  }
}
