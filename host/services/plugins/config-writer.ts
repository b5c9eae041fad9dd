import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ConfigLayer, StoredEntry } from '../../stored-config/config-layer.js';
import type { Actor } from '../../telemetry/audit.js';

/** A part of the configuration, as somebody wrote it. */
export type WrittenConfig = Readonly<Record<string, unknown>>;

/** What plugins may write of the configuration: its layer in the store. Never grants, never what enables, never a mode. */
export interface PluginConfigWriter {
  /** Adds a disabled entry. @throws BulkheadError ALREADY_EXISTS, PLUGIN_NOT_FOUND, QUOTA_EXCEEDED, CONFIG_INVALID */
  addPending(
    actor: Actor,
    entry: { readonly name: string; readonly plugin: string; readonly config: WrittenConfig },
  ): Promise<void>;
  /** Merges into the `config` of an entry: maps by key, null removes. @throws BulkheadError CONFIG_INVALID */
  mergeConfig(actor: Actor, name: string, config: WrittenConfig): Promise<void>;
}

const refuse = (): Promise<never> =>
  Promise.reject(
    new BulkheadError(
      ErrorCode.PERMISSION_DENIED,
      'the configuration of this host is written in files only; ask its operator',
    ),
  );

export const FILES_ONLY: PluginConfigWriter = { addPending: refuse, mergeConfig: refuse };

/** Entries of one plugin that wait for an operator: each change of the layer reads and checks them all. */
const MAX_PENDING = 50;

/**
 * Writes into the configuration's layer in the store.
 *
 * @param isConfigured whether an entry of that name is there, from whatever layer
 */
export function createConfigWriter(
  layer: Pick<ConfigLayer, 'entries' | 'set'>,
  isConfigured: (name: string) => boolean,
): PluginConfigWriter {
  const add: PluginConfigWriter['addPending'] = async (actor, { name, plugin, config }) => {
    const entries = await layer.entries();
    const { version, leaves } = entries.get(name) ?? { version: 0, leaves: [] };
    if (isConfigured(name) || leaves.length > 0)
      throw new BulkheadError(ErrorCode.ALREADY_EXISTS, `an entry '${name}' is configured already`);
    const waiting = [...entries.values()].filter((entry) => waitsFor(actor, entry)).length;
    if (waiting >= MAX_PENDING) {
      throw new BulkheadError(
        ErrorCode.QUOTA_EXCEEDED,
        `plugin '${actor.id}' has made ${waiting} entries that wait for an operator, and may make no more`,
      );
    }
    await layer.set(actor, name, { set: { plugin, enabled: false, config } }, version);
  };
  // One after another, so that none is counted while another is made.
  let last: Promise<unknown> = Promise.resolve();
  return {
    addPending(actor, entry) {
      const added = last.then(() => add(actor, entry));
      last = added.catch(() => undefined);
      return added;
    },
    async mergeConfig(actor, name, config) {
      await layer.set(actor, name, { set: { config } });
    },
  };
}

/** Whether it is not enabled, as this plugin left it. */
function waitsFor({ kind, id }: Actor, { leaves }: StoredEntry): boolean {
  return leaves.some(
    ({ path, value, by }) =>
      path.join('.') === 'enabled' && value === false && by.kind === kind && by.id === id,
  );
}
