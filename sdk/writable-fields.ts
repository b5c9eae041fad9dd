import type { HookName, HookPayloads } from '@bulkhead/proto/rules';

type WritableTable = { readonly [Name in HookName]: readonly (keyof HookPayloads[Name])[] };

/**
 * The fields that each hook lets a plugin change, for the compiler. The hook table of `@bulkhead/proto/rules` decides at
 * run time; writable-fields.test.ts holds the two together.
 */
export const WRITABLE_FIELDS = {
  tool_pre_invoke: ['name', 'args', 'headers'],
  tool_post_invoke: ['result'],
  prompt_pre_fetch: ['args'],
  prompt_post_fetch: ['result'],
  resource_pre_fetch: ['uri', 'metadata'],
  resource_post_fetch: ['content'],
  agent_pre_invoke: ['messages', 'tools', 'model', 'system_prompt', 'parameters', 'headers'],
  agent_post_invoke: ['messages', 'tool_calls'],
  http_pre_request: ['headers'],
  http_post_request: ['response_headers'],
  http_auth_resolve_user: ['user'],
  http_auth_check_permission: ['granted', 'reason'],
} as const satisfies WritableTable;

export type WritableField<Name extends HookName> = (typeof WRITABLE_FIELDS)[Name][number];
