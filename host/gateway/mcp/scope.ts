import type { JsonObject, JsonValue } from '@bulkhead/proto/json';
import type { Upstream, UpstreamRequest } from '../../upstream/upstream.js';
import type { ListMethod } from './lists.js';

/** A thing of one upstream, by the upstream's own name. */
export interface Target {
  readonly upstream: Upstream;
  readonly name: string;
}

/** What one endpoint exposes: one upstream, or all of them as one. */
export interface Scope {
  readonly upstreams: readonly Upstream[];
  readonly capabilities: () => JsonObject;
  readonly instructions: () => string | undefined;
  list(method: ListMethod, params: JsonObject | undefined, request: UpstreamRequest): Promise<JsonObject>;
  /** The tool or prompt of that name. */
  named(name: string): Target | undefined;
  /** The resource, or the template, of that URI. */
  resource(uri: string, request: UpstreamRequest): Promise<Target | undefined>;
  /** The URI that clients of this endpoint know a resource by. */
  uriOf(upstream: Upstream, uri: string): string;
  /** Where a method goes that the gateway does not know; undefined: nowhere. */
  readonly fallback: Upstream | undefined;
}

/** What the gateway itself makes of the capabilities of an upstream: it announces every list when the upstream comes or goes. */
export function announcedCapabilities(own: JsonObject): JsonObject {
  const announced: Record<string, JsonValue> = { ...own };
  for (const list of ['tools', 'prompts', 'resources'] as const) {
    const given = own[list];
    if (typeof given === 'object' && given !== null) announced[list] = { ...given, listChanged: true };
  }
  return announced;
}

/** What an endpoint says that it can do while nobody knows better. */
export const EVERYTHING: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {},
};
