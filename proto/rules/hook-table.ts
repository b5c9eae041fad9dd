import { decodeFields } from './payload-read.js';
import { encodeFields, type WireValue } from './payload-wire.js';
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
  /** That member's number. For a custom hook: its place in the declaration. */
  readonly number: number;
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

/** A payload message's bytes and back; a message is keyed by `FieldSpec.wire`. */
export interface PayloadCodec {
  encode(message: Readonly<Record<string, unknown>>): Uint8Array;
  /** @throws RangeError when the bytes are no such message */
  decode(bytes: Uint8Array): Readonly<Record<string, unknown>>;
}

export interface HookSpec {
  readonly name: string;
  readonly family: HookFamily;
  readonly fields: Readonly<Record<string, FieldSpec>>;
  /** The JSON field that `fields` in the configuration points into. A custom hook has none: there a pointer starts with a member. */
  readonly mainField?: string;
  /** Condition keys that can apply; another one in the configuration is an error. */
  readonly conditions: readonly ConditionKey[];
  readonly codec: PayloadCodec;
}

function codec(fields: readonly FieldSpec[]): PayloadCodec {
  return {
    encode: (message) =>
      encodeFields(
        fields,
        fields.map((each) => message[each.wire] as WireValue | undefined),
      ),
    decode: (bytes) => decodeFields(fields, bytes),
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

/** Fields stand in the order of their numbers in payloads.proto, from 1 without a gap; a test holds the two together. */
type FieldMaker = (name: string, number: number) => FieldSpec;

function field(kind: FieldKind, options: FieldOptions = {}): FieldMaker {
  return (name, number) => ({
    kind,
    number,
    wire: kind === 'json' ? `${camel(name)}Json` : camel(name),
    writable: options.writable ?? false,
    optional: options.optional ?? false,
    ...('fallback' in options ? { fallback: options.fallback } : {}),
  });
}

function hook(
  name: string,
  family: HookFamily,
  makers: Readonly<Record<string, FieldMaker>>,
  own: readonly ConditionKey[] = [],
): HookSpec {
  const fields = Object.fromEntries(Object.entries(makers).map(([key, make], i) => [key, make(key, i + 1)]));
  const mainField = Object.keys(fields).find((key) => fields[key]?.kind === 'json' && fields[key].writable);
  return {
    name,
    family,
    fields,
    ...(mainField === undefined || family === 'http_auth' ? {} : { mainField }),
    conditions: [...EVERY_REQUEST, ...own],
    codec: codec(Object.values(fields)),
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
    { name: writableText, args: writableObject, headers: writableHeaders },
    ['tools'],
  ),
  tool_post_invoke: hook('tool_post_invoke', 'tool', { name: fixed.text, result: writableJson }, ['tools']),
  prompt_pre_fetch: hook('prompt_pre_fetch', 'prompt', { prompt_id: fixed.text, args: writableObject }, [
    'prompts',
  ]),
  prompt_post_fetch: hook('prompt_post_fetch', 'prompt', { prompt_id: fixed.text, result: writableJson }, [
    'prompts',
  ]),
  resource_pre_fetch: hook(
    'resource_pre_fetch',
    'resource',
    { uri: writableText, metadata: writableObject },
    ['resources'],
  ),
  resource_post_fetch: hook('resource_post_fetch', 'resource', { uri: fixed.text, content: writableJson }, [
    'resources',
  ]),
  agent_pre_invoke: hook(
    'agent_pre_invoke',
    'agent',
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
    {
      agent_id: fixed.text,
      messages: writableJson,
      tool_calls: field('json', { writable: true, fallback: [] }),
    },
    ['agents'],
  ),
  http_pre_request: hook('http_pre_request', 'http', {
    path: fixed.text,
    method: fixed.text,
    client_host: fixed.text,
    client_port: fixed.number,
    headers: writableHeaders,
  }),
  http_post_request: hook('http_post_request', 'http', {
    path: fixed.text,
    method: fixed.text,
    client_host: fixed.text,
    client_port: fixed.number,
    headers,
    response_headers: writableHeaders,
    status_code: fixed.number,
  }),
  http_auth_resolve_user: hook('http_auth_resolve_user', 'http_auth', {
    credentials: field('json'),
    headers,
    client_host: fixed.text,
    client_port: fixed.number,
    user: field('json', { writable: true, optional: true }),
  }),
  http_auth_check_permission: hook('http_auth_check_permission', 'http_auth', {
    user: field('json'),
    permission: fixed.text,
    resource: fixed.text,
    granted: field('flag', { writable: true, optional: true }),
    reason: softText,
  }),
};

/** A hook that an embedder or a manifest declares. */
export interface CustomHook {
  readonly name: string;
  /** Members of the payload object. */
  readonly members: readonly string[];
  /** Members that a plugin may change. Default: all. */
  readonly writable?: readonly string[];
}

// CustomPayload: one map from member to JSON text.
const MEMBERS = [{ kind: 'headers', wire: 'members', number: 1 }] as const;

export const HOOK_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** The spec of a custom hook: each declared member is a JSON field that may be absent. */
export function customHookSpec(custom: CustomHook): HookSpec {
  const writable = new Set(custom.writable ?? custom.members);
  return {
    name: custom.name,
    family: 'custom',
    fields: Object.fromEntries(
      custom.members.map((member, i) => [
        member,
        {
          kind: 'json',
          wire: member,
          number: i + 1,
          writable: writable.has(member),
          optional: true,
        } satisfies FieldSpec,
      ]),
    ),
    conditions: EVERY_REQUEST,
    codec: {
      encode: (message) => encodeFields(MEMBERS, [message as Readonly<Record<string, string>>]),
      decode: (bytes) => decodeFields(MEMBERS, bytes)['members'] as Readonly<Record<string, string>>,
    },
  };
}

export function isBuiltInHook(name: string): name is HookName {
  return Object.hasOwn(HOOKS, name);
}
