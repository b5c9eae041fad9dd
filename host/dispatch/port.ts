import type { CallOptions } from '@bulkhead/proto/link';
import type { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';
import type { Conditions, Mode, OnError } from '../manifest/manifest.js';

/** What a plugin may learn of a request beyond its id, tenant, server, app and content type. */
export type ContextPermission = 'read_user' | 'read_roles' | 'read_claims' | 'read_headers' | 'write_headers';

/** All that dispatch knows of a plugin. The real one is lifecycle's; a test passes plain functions. */
export interface PluginPort {
  /** The configured entry's name, unique. */
  readonly name: string;
  readonly id: string;
  readonly version: string;
  /** What of the context this plugin was granted. */
  readonly contextPermissions: ReadonlySet<ContextPermission>;
  /**
   * Runs one hook. Settles within `options.timeoutMs`, whatever the plugin does; rejects with a BulkheadError
   * (DEADLINE_EXCEEDED, CANCELLED, PLUGIN_UNAVAILABLE, PLUGIN_OVERLOADED, PLUGIN_ERROR, INVALID_ANSWER, …).
   */
  invoke(
    request: InvokeRequest,
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<InvokeResponse>;
  /** Runs a batch of one fire_and_forget registration. */
  invokeBatch(
    requests: readonly InvokeRequest[],
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<void>;
}

/** One plugin on one hook. */
export interface Registration {
  readonly hook: string;
  readonly mode: Mode;
  /** Ascending; default 100. */
  readonly priority: number;
  readonly onError: OnError;
  readonly timeoutMs: number;
  /** Empty: always. */
  readonly conditions: readonly Conditions[];
  /** JSON pointers into the hook's main JSON field, or `*`; undefined means all of it. */
  readonly fields?: readonly string[];
  /** The call may be repeated once on another process when the first one died. */
  readonly idempotent: boolean;
  /** Only for fire_and_forget. */
  readonly batch?: { readonly max: number; readonly maxWaitMs: number };
}

/** A plugin with its registrations, in configuration order. */
export interface DispatchEntry {
  readonly port: PluginPort;
  readonly registrations: readonly Registration[];
}
