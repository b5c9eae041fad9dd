import { nearest } from './nearest.js';

/** Every scope of the Service API, with what it opens. */
export const SCOPES = {
  'llms.read': 'List LLMs, read one, count them.',
  'llms.write': 'Create, update and delete LLMs.',
  'llms.proxy': 'Call an LLM, unary or streamed.',
  'tools.read': 'List tools, read one and its operations.',
  'tools.execute': 'Execute a tool.',
  'tools.write': 'Create, update and delete tools; MCP clients are offered those that are called over HTTP.',
  'tools.operations': 'Add operations to a tool and remove them.',
  'datasources.read': 'List data sources and read one.',
  'datasources.query': 'Query a data source.',
  'datasources.write': 'Create, update and delete data sources.',
  'apps.read': 'List apps, read one, find one by its credential.',
  'apps.write': 'Create, update and delete apps; set one key of their metadata.',
  'users.read': 'Read a user, find one by a credential.',
  'plugins.read': 'List plugins, read one, count them.',
  'plugins.write':
    'Create a pending entry; update the configuration of the plugins named in the permissions.',
  'kv.read': "Read the plugin's own key-value namespace.",
  'kv.readwrite': "Read and write the plugin's own key-value namespace.",
  'analytics.read': 'Read usage and cost.',
  'analytics.write': 'Record metrics.',
  'events.publish': "Publish events under the plugin's own id.",
  'events.subscribe': 'Receive events of topics that match a pattern.',
  'secrets.read': 'Read the secrets that were granted by name.',
  'schedules.manage': 'List, run, create, update and delete schedules.',
  'objects.secrets': 'See API keys, passwords and tokens inside objects; without it they are redacted.',
} as const satisfies Readonly<Record<string, string>>;

export type Scope = keyof typeof SCOPES;

/** Names that other hosts use for the same thing; accepted and reported. */
export const SCOPE_ALIASES: Readonly<Record<string, Scope>> = { 'tools.call': 'tools.execute' };

/** What of a request's context a plugin may ask for in `permissions.context`. */
export const CONTEXT_PERMISSIONS = {
  read_user: "The user's id and e-mail address.",
  read_roles: "The user's groups, roles and team.",
  read_claims: 'The claims of the credential.',
  read_headers: "The request's headers.",
  write_headers: "Change the request's headers.",
} as const satisfies Readonly<Record<string, string>>;

export function isScope(name: string): name is Scope {
  return Object.hasOwn(SCOPES, name);
}

export type ScopeName =
  | { readonly kind: 'known'; readonly scope: Scope }
  | { readonly kind: 'alias'; readonly scope: Scope }
  | { readonly kind: 'unknown'; readonly suggestion?: string };

/** A scope as somebody wrote it. */
export function resolveScope(name: string): ScopeName {
  if (isScope(name)) return { kind: 'known', scope: name };
  const alias = Object.hasOwn(SCOPE_ALIASES, name) ? SCOPE_ALIASES[name] : undefined;
  if (alias !== undefined) return { kind: 'alias', scope: alias };
  const suggestion = nearest(name, Object.keys(SCOPES));
  return suggestion === undefined ? { kind: 'unknown' } : { kind: 'unknown', suggestion };
}
