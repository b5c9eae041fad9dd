import type { JsonObject, JsonValue } from '@bulkhead/proto/json';
import type { RequestContext } from '../../dispatch/invocation.js';
import type { Tool } from '../../tools/tool.js';
import type { Upstream, UpstreamRequest } from '../../upstream/upstream.js';
import type { ListMethod } from './lists.js';

/** A thing of one upstream, by the upstream's own name. */
export interface Target {
  readonly upstream: Upstream;
  readonly name: string;
}

/** A prompt, of an upstream or a command of a plugin. */
export interface PromptTarget {
  /** The upstream, or the plugin's entry. */
  readonly server: string;
  /** Its own name there. */
  readonly name: string;
  /** @throws BulkheadError when it cannot be had now */
  assertReady(): void;
  /** @param params those of `prompts/get`, with its own name */
  get(
    params: JsonObject,
    request: UpstreamRequest & { readonly signal: AbortSignal },
    context: RequestContext,
  ): Promise<JsonObject>;
}

/** What one endpoint exposes: one upstream, or all of them as one. */
export interface Scope {
  readonly upstreams: readonly Upstream[];
  readonly capabilities: () => JsonObject;
  readonly instructions: () => string | undefined;
  list(method: ListMethod, params: JsonObject | undefined, request: UpstreamRequest): Promise<JsonObject>;
  /** The tool of that name, as far as was last read. */
  tool(name: string): Tool | undefined;
  /** The same, as it is by now. */
  findTool(name: string): Promise<Tool | undefined>;
  /** The prompt of that name. */
  prompt(name: string): PromptTarget | undefined;
  /** Whose prompt completes its arguments, if anybody's does. */
  completes(name: string): Target | undefined;
  /** The resource, or the template, of that URI. */
  resource(uri: string, request: UpstreamRequest): Promise<Target | undefined>;
  /** The URI that clients of this endpoint know a resource by. */
  uriOf(upstream: Upstream, uri: string): string;
  /** Where a method goes that the gateway does not know; undefined: nowhere. */
  readonly fallback: Upstream | undefined;
}

/** A prompt of an upstream; params and result pass as they are. */
export function upstreamPrompt(upstream: Upstream, name: string): PromptTarget {
  return {
    server: upstream.name,
    name,
    assertReady: () => {
      upstream.assertReady();
    },
    get: (params, request) => upstream.request('prompts/get', params, request),
  };
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
