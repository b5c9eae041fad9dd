import type { BulkheadError } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { PluginIdentity } from '../sidecar/host-method.js';
import type { Audit } from '../telemetry/audit.js';

/** Refusals of one plugin, method and code within this time are two entries of the audit log at most, with their number. */
const WINDOW_MS = 10_000;

/** Tells the audit log what plugins were refused, without letting one that is refused all the time fill it. */
export class RefusalLog {
  readonly #audit: Audit;
  readonly #clock: Clock;
  /** How often it was refused again since the window opened. */
  readonly #again = new Map<string, number>();

  constructor(audit: Audit, clock: Clock) {
    this.#audit = audit;
    this.#clock = clock;
  }

  /** The first goes to the audit log at once; what follows within the window is counted and told at its end. */
  add(plugin: PluginIdentity, method: string, error: BulkheadError): void {
    const key = JSON.stringify([plugin.name, method, error.code]);
    const again = this.#again.get(key);
    if (again !== undefined) {
      this.#again.set(key, again + 1);
      return;
    }
    this.#again.set(key, 0);
    this.#note(plugin, method, error, 1);
    this.#clock.after(WINDOW_MS, () => {
      const times = this.#again.get(key) ?? 0;
      this.#again.delete(key);
      if (times > 0) this.#note(plugin, method, error, times);
    });
  }

  #note(plugin: PluginIdentity, method: string, error: BulkheadError, times: number): void {
    this.#audit.note({
      actor: { kind: 'plugin', id: plugin.name },
      action: 'service.refused',
      target: method,
      outcome: 'denied',
      code: error.code,
      reason: error.message,
      details: { plugin_id: plugin.id, version: plugin.version, times },
    });
  }
}
