import type { JsonObject } from '@bulkhead/proto/json';
import type { User, Violation } from '@bulkhead/proto/rules';
import type { Mode } from '../manifest/manifest.js';

/** What the caller of a hook knows of the request. Everything is optional; a request id is made when there is none. */
export interface RequestContext {
  readonly requestId?: string;
  /**
   * Whose request ids these are. State is kept by scope and id together, so that whoever chooses an id that somebody
   * else uses finds nothing there. No plugin sees it. Default: one scope for all who name none.
   */
  readonly stateScope?: string;
  readonly tenantId?: string;
  readonly serverId?: string;
  readonly appId?: string;
  readonly contentType?: string;
  readonly user?: User;
  readonly claims?: JsonObject;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly traceparent?: string;
}

export interface InvokeOptions {
  /** The caller's own deadline in milliseconds; no plugin gets more. */
  readonly timeoutMs?: number;
  /** The caller went away. */
  readonly signal?: AbortSignal;
}

/** A violation as the host reports it: with the name of the plugin that refused. */
export interface HostViolation extends Violation {
  readonly plugin: string;
}

export type Outcome = 'allow' | 'modify' | 'deny';

/** One plugin run. */
export interface PluginRecord {
  readonly requestId: string;
  readonly plugin: string;
  readonly version: string;
  readonly hook: string;
  readonly mode: Mode;
  /** What the plugin asked for. */
  readonly requested: Outcome;
  /** What became of it. */
  readonly effective: Outcome;
  readonly status: 'completed' | 'timeout' | 'error' | 'skipped';
  /** Violation code or error code. */
  readonly code?: string;
  readonly durationMs: number;
  /** Fields whose change was kept. */
  readonly changed: readonly string[];
  /** What was asked for and not kept: fields that the hook's policy, the plugin's permissions, its `fields` or its mode do not let it change; `metadata.<name>` for a reserved name. */
  readonly dropped: readonly string[];
}

interface InvokeResultBase<P> {
  /** A JSON field comes back as it was given: JsonText in, JsonText out; a value in, a value out. */
  readonly payload: P;
  /** Names of the plugins that changed the payload, in order. */
  readonly changedBy: readonly string[];
  readonly context: { readonly requestId: string };
  /** Per plugin name, what it wrote with ctx.metadata. */
  readonly metadata: Readonly<Record<string, JsonObject>>;
  readonly records: readonly PluginRecord[];
}

export type InvokeResult<P = Readonly<Record<string, unknown>>> =
  | (InvokeResultBase<P> & { readonly allowed: true; readonly violation: null })
  | (InvokeResultBase<P> & {
      readonly allowed: false;
      readonly violation: HostViolation;
      /** `denied`: a plugin said no. `failed`: a guard could not answer; `violation.code` is the error's code. */
      readonly refusal: 'denied' | 'failed';
    });
