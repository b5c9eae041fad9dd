import type { JsonObject } from '@bulkhead/proto/json';

/**
 * What `bulkhead types` knows of one plugin. The generated `plugin.gen.d.ts` adds `config` here, and `tools`, `commands` and
 * `rpc` with the input and output of each, so that a type and the manifest's schema cannot differ.
 */
export interface PluginTypes {}

/**
 * Payloads of custom hooks, by name. The generated `plugin.gen.d.ts` adds those that the manifest declares;
 * a plugin that handles somebody else's custom hook adds its payload by hand:
 * `declare module '@bulkhead/sdk/plugin-types' { interface CustomHooks { my_hook: { readonly text: JsonValue } } }`.
 */
export interface CustomHooks {}

/** The plugin's configuration as its handlers see it: generated, or any JSON object without generated types. */
export type PluginConfig = PluginTypes extends { readonly config: infer Config } ? Config : JsonObject;
