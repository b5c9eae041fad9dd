import type { JsonObject, JsonValue } from '@bulkhead/proto/json';
import type { Upstream, UpstreamRequest } from '../../upstream/upstream.js';

/** A list that can be asked for, with the key that holds its items. */
export const LISTS = {
  'tools/list': { items: 'tools', capability: 'tools' },
  'prompts/list': { items: 'prompts', capability: 'prompts' },
  'resources/list': { items: 'resources', capability: 'resources' },
  'resources/templates/list': { items: 'resourceTemplates', capability: 'resources' },
} as const;

export type ListMethod = keyof typeof LISTS;

export function isListMethod(method: string): method is ListMethod {
  return Object.hasOwn(LISTS, method);
}

export interface Page {
  readonly items: readonly JsonObject[];
  readonly nextCursor?: string;
}

/** One page of one upstream; empty when it has no such list. */
export async function fetchPage(
  upstream: Upstream,
  method: ListMethod,
  cursor: string | undefined,
  options: UpstreamRequest,
): Promise<Page> {
  const { items, capability } = LISTS[method];
  if (!(capability in upstream.capabilities)) return { items: [] };
  const result = await upstream.request(method, cursor === undefined ? undefined : { cursor }, options);
  const next = result['nextCursor'];
  return {
    items: asList(result[items]).filter(isObject),
    ...(typeof next === 'string' ? { nextCursor: next } : {}),
  };
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('rawJSON' in value);
}

function asList(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}
