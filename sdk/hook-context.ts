import type { JsonObject, JsonValue } from '@bulkhead/proto/json';
import type { HeaderMap, User, Violation } from '@bulkhead/proto/rules';
import type { Logger } from './logger.js';
import type { PluginConfig } from './plugin-types.js';

/** Named JSON values that outlive one call. Only what a handler writes is sent back. */
export interface KeptValues {
  get(key: string): JsonValue | undefined;
  has(key: string): boolean;
  /** @throws TypeError when the value is not JSON, or the name is one that the host keeps for itself */
  set(key: string, value: JsonValue): void;
  delete(key: string): void;
}

/** How a request ended, as a fire_and_forget plugin sees it. */
export interface Outcome {
  readonly allowed: boolean;
  /** The plugin that refused, when one did. */
  readonly deniedBy?: string;
  readonly violation?: Violation;
}

/** What every handler may know of the work that it does. */
export interface WorkContext<Config = PluginConfig> {
  /** Fires when the caller went away or the deadline passed. Hand it to whatever you await. */
  readonly signal: AbortSignal;
  /** When the answer must be there, in milliseconds since the Unix epoch. Infinity when nobody waits. */
  readonly deadline: number;
  /** Milliseconds until the deadline, never negative. */
  readonly remainingMs: number;
  /** Lines carry the request's id, where there is one. */
  readonly log: Logger;
  /** The configuration for this call: an operator's binding may differ from what setup got. */
  readonly config: Config;
}

/**
 * What a handler may know of the request that it works for. What the plugin was not granted to read
 * (`permissions.context`) never leaves the host and is absent here.
 */
export interface RequestContext<Config = PluginConfig> extends WorkContext<Config> {
  /** The same for everything that is done for one request; put it into what you send elsewhere. */
  readonly requestId: string;
  readonly tenantId: string | undefined;
  readonly serverId: string | undefined;
  readonly appId: string | undefined;
  readonly contentType: string | undefined;
  /** With permission read_user; groups and roles with read_roles. */
  readonly user: User | undefined;
  /** The request's headers, lower-case names, with permission read_headers; else empty. */
  readonly headers: HeaderMap;
  /** With permission read_claims. */
  readonly claims: JsonObject | undefined;
  /** W3C trace context, to send along on calls of your own. */
  readonly traceparent: string | undefined;
}

/** What a hook's handler may know of its call. */
export interface HookContext<Config = PluginConfig> extends RequestContext<Config> {
  /** The plugin's own values for this request, from its first hook to its last. */
  readonly state: KeptValues;
  /** Values for the plugins that run later in this request. */
  readonly shared: KeptValues;
  /** What this plugin says about the request to the caller. */
  readonly metadata: KeptValues;
  /** Only in `fire_and_forget`: how the request ended. */
  readonly outcome: Outcome | undefined;
}
