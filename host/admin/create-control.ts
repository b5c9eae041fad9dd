import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Actor, Audit } from '../telemetry/audit.js';
import type { Control } from './control.js';
import type { ApplyReport } from './status.js';

/** What the control plane does with the host; tests replace it. */
export interface ControlledHost {
  reload(name: string): Promise<void>;
  enable(name: string): Promise<void>;
  disable(name: string): Promise<void>;
}

export interface ControlOptions extends Pick<Control, 'readiness' | 'status' | 'plugin' | 'logs'> {
  readonly host: ControlledHost;
  readonly audit: Audit;
  readonly apply: () => ReturnType<Control['apply']>;
}

/** The daemon as operators act on it: what each did is in the audit log before it is answered. */
export function createControl({ host, audit, apply, ...shown }: ControlOptions): Control {
  const audited = async <T>(
    action: string,
    target: string,
    by: Actor,
    work: () => Promise<T>,
    detailsOf?: (result: T) => JsonObject,
  ): Promise<T> => {
    let result: T;
    try {
      result = await work();
    } catch (thrown) {
      const { code, message } = BulkheadError.from(thrown);
      audit.note({ actor: by, action, target, outcome: 'error', code, reason: message });
      throw thrown;
    }
    const details = detailsOf?.(result);
    const entry = { actor: by, action, target, outcome: 'allowed' } as const;
    audit.note(details === undefined ? entry : { ...entry, details });
    await audit.settled();
    return result;
  };
  const act =
    (action: string, work: (name: string) => Promise<void>) =>
    async (name: string, by: Actor): Promise<void> => {
      const { name: known } = shown.plugin(name);
      await audited(`plugin.${action}`, `plugin/${known}`, by, () => work(known));
    };
  return {
    ...shown,
    reload: act('reload', (name) => host.reload(name)),
    enable: act('enable', (name) => host.enable(name)),
    disable: act('disable', (name) => host.disable(name)),
    reset: act('reset', async (name) => {
      if (shown.plugin(name).enabled) return host.enable(name);
      throw new BulkheadError(
        ErrorCode.PLUGIN_UNAVAILABLE,
        `The plugin '${name}' is disabled. Enable it instead.`,
      );
    }),
    apply: (by) => audited('config.apply', 'config', by, apply, appliedDetails),
  };
}

function appliedDetails({ started, stopped, reloaded, updated, failed, sections }: ApplyReport): JsonObject {
  const lists = { started, stopped, reloaded, updated, failed: failed.map(({ name }) => name), sections };
  const touched = Object.entries(lists).filter(([, names]) => names.length > 0);
  return Object.fromEntries(touched.map(([key, names]) => [key, [...names]]));
}
