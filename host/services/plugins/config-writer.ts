import { BulkheadError, ErrorCode } from '@bulkhead/proto';
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
