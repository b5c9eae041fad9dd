import {
  AgentPostInvokePayload,
  AgentPreInvokePayload,
  CustomPayload,
  HttpAuthCheckPermissionPayload,
  HttpAuthResolveUserPayload,
  HttpPostRequestPayload,
  HttpPreRequestPayload,
  PromptPostFetchPayload,
  PromptPreFetchPayload,
  ResourcePostFetchPayload,
  ResourcePreFetchPayload,
  ToolPostInvokePayload,
  ToolPreInvokePayload,
} from '../gen/bulkhead/plugin/v1/payloads.js';
import type { HookName } from './hook-payloads.js';

/**
 * How a field travels: `json` as the text it arrived in, `headers` as a map of lower-case names,
 * the others typed.
 */
export type FieldKind = 'text' | 'texts' | 'number' | 'flag' | 'headers' | 'json';

export interface FieldSpec {
  readonly kind: FieldKind;
  /** The member of the protobuf message that carries it. */
  readonly wire: string;
  /** Whether a plugin's change of it is kept. */
  readonly writable: boolean;
  /** Used when the caller leaves the field out; a field without one is required. `undefined` means it may be absent. */
  readonly fallback?: unknown;
  readonly optional: boolean;
}

export type HookFamily = 'tool' | 'prompt' | 'resource' | 'agent' | 'http' | 'http_auth' | 'custom';

/** Conditions that look at the payload or the request; the keys that can apply to a hook. */
export type ConditionKey =
  | 'server_ids'
  | 'tenant_ids'
  | 'tools'
  | 'prompts'
  | 'resources'
  | 'agents'
  | 'user_patterns'
  | 'content_types';

/** A protobuf codec as ts-proto generates it, without its message type. */
export interface PayloadCodec {
  encode(message: unknown): Uint8Array;
  decode(bytes: Uint8Array): Readonly<Record<string, unknown>>;
}

export interface HookSpec {
  readonly name: string;
  readonly family: HookFamily;
  readonly fields: Readonly<Record<string, FieldSpec>>;
  /** Condition keys that can apply; another one in the configuration is an error. */
  readonly conditions: readonly ConditionKey[];
  readonly codec: PayloadCodec;
}

interface GeneratedCodec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
  fromPartial(object: object): T;
}

function codec<T extends object>(generated: GeneratedCodec<T>): PayloadCodec {
  return {
    encode: (message) => generated.encode(generated.fromPartial(message as object)).finish(),
    decode: (bytes) => generated.decode(bytes) as Readonly<Record<string, unknown>>,
  };
}

const EVERY_REQUEST: readonly ConditionKey[] = ['server_ids', 'tenant_ids', 'user_patterns', 'content_types'];

interface FieldOptions {
  readonly writable?: true;
  readonly fallback?: unknown;
  readonly optional?: true;
}

const camel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function field(kind: FieldKind, options: FieldOptions = {}): (name: string) => FieldSpec {
  return (name) => ({
    kind,
    wire: kind === 'json' ? `${camel(name)}Json` : camel(name),
    writable: options.writable ?? false,
    optional: options.optional ?? false,
    ...('fallback' in options ? { fallback: options.fallback } : {}),
  });
}

function hook<T extends object>(
  name: string,
  family: HookFamily,
  message: GeneratedCodec<T>,
  fields: Readonly<Record<string, (name: string) => FieldSpec>>,
  own: readonly ConditionKey[] = [],
): HookSpec {
  return {
    name,
    family,
    fields: Object.fromEntries(Object.entries(fields).map(([key, make]) => [key, make(key)])),
    conditions: [...EVERY_REQUEST, ...own],
    codec: codec(message),
  };
}

const fixed = { text: field('text'), number: field('number', { fallback: 0 }) };
const headers = field('headers', { fallback: {} });
const writableHeaders = field('headers', { writable: true, fallback: {} });
const writableText = field('text', { writable: true });
const softText = field('text', { writable: true, fallback: '' });
const writableObject = field('json', { writable: true, fallback: {} });
const writableJson = field('json', { writable: true });

/** Every built-in hook, with the fields that a plugin may change. Source: the hook families of the project's design. */
export const HOOKS: Readonly<Record<HookName, HookSpec>> = {
  tool_pre_invoke: hook(
    'tool_pre_invoke',
    'tool',
    ToolPreInvokePayload,
    { name: writableText, args: writableObject, headers: writableHeaders },
    ['tools'],
  ),
  tool_post_invoke: hook(
    'tool_post_invoke',
    'tool',
    ToolPostInvokePayload,
    { name: fixed.text, result: writableJson },
    ['tools'],
  ),
  prompt_pre_fetch: hook(
    'prompt_pre_fetch',
    'prompt',
    PromptPreFetchPayload,
    { prompt_id: fixed.text, args: writableObject },
    ['prompts'],
  ),
  prompt_post_fetch: hook(
    'prompt_post_fetch',
    'prompt',
    PromptPostFetchPayload,
    { prompt_id: fixed.text, result: writableJson },
    ['prompts'],
  ),
  resource_pre_fetch: hook(
    'resource_pre_fetch',
    'resource',
    ResourcePreFetchPayload,
    { uri: writableText, metadata: writableObject },
    ['resources'],
  ),
  resource_post_fetch: hook(
    'resource_post_fetch',
    'resource',
    ResourcePostFetchPayload,
    { uri: fixed.text, content: writableJson },
    ['resources'],
  ),
  agent_pre_invoke: hook(
    'agent_pre_invoke',
    'agent',
    AgentPreInvokePayload,
    {
      agent_id: fixed.text,
      messages: writableJson,
      tools: field('texts', { writable: true, fallback: [] }),
      model: softText,
      system_prompt: softText,
      parameters: writableObject,
      headers: writableHeaders,
    },
    ['agents'],
  ),
  agent_post_invoke: hook(
    'agent_post_invoke',
    'agent',
    AgentPostInvokePayload,
    {
      agent_id: fixed.text,
      messages: writableJson,
      tool_calls: field('json', { writable: true, fallback: [] }),
    },
    ['agents'],
  ),
  http_pre_request: hook('http_pre_request', 'http', HttpPreRequestPayload, {
    path: fixed.text,
    method: fixed.text,
    client_host: fixed.text,
    client_port: fixed.number,
    headers: writableHeaders,
  }),
  http_post_request: hook('http_post_request', 'http', HttpPostRequestPayload, {
    path: fixed.text,
    method: fixed.text,
    client_host: fixed.text,
    client_port: fixed.number,
    headers,
    response_headers: writableHeaders,
    status_code: fixed.number,
  }),
  http_auth_resolve_user: hook('http_auth_resolve_user', 'http_auth', HttpAuthResolveUserPayload, {
    credentials: field('json'),
    headers,
    client_host: fixed.text,
    client_port: fixed.number,
    user: field('json', { writable: true, optional: true }),
  }),
  http_auth_check_permission: hook(
    'http_auth_check_permission',
    'http_auth',
    HttpAuthCheckPermissionPayload,
    {
      user: field('json'),
      permission: fixed.text,
      resource: fixed.text,
      granted: field('flag', { writable: true, optional: true }),
      reason: softText,
    },
  ),
};

/** A hook that an embedder or a manifest declares. */
export interface CustomHook {
  readonly name: string;
  /** Members of the payload object. */
  readonly members: readonly string[];
  /** Members that a plugin may change. Default: all. */
  readonly writable?: readonly string[];
}

export const HOOK_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** The spec of a custom hook: each declared member is a JSON field that may be absent. */
export function customHookSpec(custom: CustomHook): HookSpec {
  const writable = new Set(custom.writable ?? custom.members);
  return {
    name: custom.name,
    family: 'custom',
    fields: Object.fromEntries(
      custom.members.map((member) => [
        member,
        { kind: 'json', wire: member, writable: writable.has(member), optional: true } satisfies FieldSpec,
      ]),
    ),
    conditions: EVERY_REQUEST,
    codec: {
      encode: (message) => CustomPayload.encode({ members: message as Record<string, string> }).finish(),
      decode: (bytes) => CustomPayload.decode(bytes).members,
    },
  };
}

export function isBuiltInHook(name: string): name is HookName {
  return Object.hasOwn(HOOKS, name);
}
