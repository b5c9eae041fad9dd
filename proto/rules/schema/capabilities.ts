/**
 * The APIs that a manifest may ask for in `compat.api`. `offered: false` means that the name is fixed and that
 * the API comes with a later release: such a manifest loads, and `check` says so.
 */
export const API_CAPABILITIES = {
  'hooks-v1': {
    offered: true,
    description: 'Hooks of the tool, prompt, resource, agent, http and custom families.',
  },
  'link-v1': { offered: true, description: 'The accelerated link between host and plugin.' },
  'objects-v1': { offered: true, description: 'Object hooks.' },
  'kv-v1': { offered: true, description: 'The key-value store.' },
  'events-v1': { offered: true, description: 'Events.' },
  'ui-v1': { offered: false, description: 'Pages in the admin UI.' },
  'rpc-v1': { offered: true, description: "RPC methods for the plugin's pages and operators." },
  'agent-v1': { offered: false, description: 'Agents.' },
} as const satisfies Readonly<Record<string, { readonly offered: boolean; readonly description: string }>>;

export type ApiCapability = keyof typeof API_CAPABILITIES;

export function isApiCapability(name: string): name is ApiCapability {
  return Object.hasOwn(API_CAPABILITIES, name);
}
