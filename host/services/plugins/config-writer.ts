import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ConfigLayer } from '../../stored-config/config-layer.js';
import type { Actor } from '../../telemetry/audit.js';

/** A part of the configuration, as somebody wrote it. */
export type WrittenConfig = Readonly<Record<string, unknown>>;

/** What plugins may write of the configuration: its layer in the store. Never grants, never what enables, never a mode. */
export interface PluginConfigWriter {
  /** Adds a disabled entry. @throws BulkheadError ALREADY_EXISTS, PLUGIN_NOT_FOUND, CONFIG_INVALID */
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

/**
 * Writes into the configuration's layer in the store.
 *
 * @param isConfigured whether an entry of that name is there, from whatever layer
 */
export function createConfigWriter(
  layer: Pick<ConfigLayer, 'get' | 'set'>,
  isConfigured: (name: string) => boolean,
): PluginConfigWriter {
  return {
    async addPending(actor, { name, plugin, config }) {
      const { version, leaves } = await layer.get(name);
      if (isConfigured(name) || leaves.length > 0)
        throw new BulkheadError(ErrorCode.ALREADY_EXISTS, `an entry '${name}' is configured already`);
      await layer.set(actor, name, { set: { plugin, enabled: false, config } }, version);
    },
    async mergeConfig(actor, name, config) {
      await layer.set(actor, name, { set: { config } });
    },
  };
}
