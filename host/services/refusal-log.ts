import type { BulkheadError } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { Refusal } from '../sidecar/egress/refusal.js';
import type { PluginIdentity } from '../sidecar/host-method.js';
import type { Audit } from '../telemetry/audit.js';
import { Repeats } from '../telemetry/audit/repeats.js';

type Named = Pick<PluginIdentity, 'name' | 'id' | 'version'>;

/** Tells the audit log what plugins were refused, without letting one that is refused all the time fill it. */
export class RefusalLog {
  readonly #repeats: Repeats;

  constructor(audit: Audit, clock: Clock) {
    this.#repeats = new Repeats(audit, clock);
  }

  /** A call of a method of the Service API. */
  add(plugin: PluginIdentity, method: string, { code, message }: BulkheadError): void {
    this.#note(plugin, 'service.refused', method, code, message);
  }

  /** A call of a method that the host does not serve. */
  unknownMethod(plugin: PluginIdentity, method: string): void {
    this.#note(plugin, 'service.refused', method, 'UNKNOWN_METHOD', 'the host serves no such method');
  }

  /** A connection to the outside that the grant or the network refused. */
  egress(plugin: Named, { reason, message, destination }: Refusal): void {
    const target = destination === undefined ? undefined : `${destination.host}:${destination.port}`;
    this.#note(plugin, 'network.refused', target, reason, message);
  }

  #note(
    { name, id, version }: Named,
    action: string,
    target: string | undefined,
    code: string,
    reason: string,
  ): void {
    this.#repeats.note({
      actor: { kind: 'plugin', id: name },
      action,
      ...(target === undefined ? {} : { target }),
      outcome: 'denied',
      code,
      reason,
      details: { plugin_id: id, version },
    });
  }
}
