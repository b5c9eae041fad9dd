import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { PluginServiceDefinition, type PluginSummary } from '@bulkhead/proto/host';
import { parseJson, type JsonObject, type JsonValue } from '@bulkhead/proto/json';
import { ENTRY_NAME, isPlainObject, namesDirectory } from '@bulkhead/proto/rules';
import type { PluginInfo } from '../../host/plugins.js';
import { byText, invalid, pageOf } from './pages.js';
import { createTwinMethods, unary, type TwinMethod } from './twin-methods.js';

/** A configured plugin of the test's host; what is absent is unremarkable. */
export type TestPluginEntry = Pick<PluginInfo, 'name'> &
  Partial<Omit<PluginInfo, 'name'>> & { readonly config?: JsonObject };

const ENTRY = new RegExp(ENTRY_NAME, 'u');

/** The host's plugins in memory. */
export class PluginsTwin {
  readonly methods: readonly TwinMethod[];
  readonly #plugins = new Map<string, PluginSummary>();
  readonly #configs = new Map<string, JsonObject>();

  /** @param mayConfigure ids that the plugin's permissions name */
  constructor(entries: readonly TestPluginEntry[], mayConfigure: readonly string[]) {
    for (const { config, ...entry } of entries) {
      this.#plugins.set(entry.name, summary(entry));
      this.#configs.set(entry.name, config ?? {});
    }
    const { methods } = PluginServiceDefinition;
    this.methods = createTwinMethods(PluginServiceDefinition, [
      unary(methods.listPlugins, ({ pageSize, pageToken }) => {
        const sorted = [...this.#plugins.values()].toSorted((a, b) => byText(a.name, b.name));
        const page = pageOf(sorted, ({ name }) => name, pageSize, pageToken, byText);
        return { plugins: [...page.items], nextPageToken: page.nextPageToken };
      }),
      unary(methods.getPlugin, ({ name }) => ({ plugin: this.#found(name) })),
      unary(methods.countPlugins, () => {
        const byState = Map.groupBy(this.#plugins.values(), ({ state }) => state);
        return {
          total: this.#plugins.size,
          byState: Object.fromEntries([...byState].map(([state, group]) => [state, group.length])),
        };
      }),
      unary(methods.createPendingPlugin, ({ name, plugin, configJson }) => {
        if (this.#plugins.has(name)) {
          throw new BulkheadError(ErrorCode.ALREADY_EXISTS, `there is a plugin entry '${name}' already`, {
            field: 'name',
          });
        }
        if (!ENTRY.test(name)) throw invalid('name', `expected the name of an entry, got '${name}'`);
        if (namesDirectory(plugin))
          throw invalid('plugin', 'names an installed plugin here, and no directory');
        const made: PluginSummary = {
          ...summary({ name, id: plugin, enabled: false, state: 'disabled' }),
          version: '',
          mode: '',
        };
        this.#configs.set(name, readConfig(configJson));
        this.#plugins.set(name, made);
        return { plugin: made };
      }),
      unary(methods.updatePluginConfig, ({ name, configJson }) => {
        const plugin = this.#found(name);
        if (!mayConfigure.includes(plugin.id)) {
          throw new BulkheadError(
            ErrorCode.PERMISSION_DENIED,
            `'${plugin.id}' is not among permissions.plugins`,
            { field: 'permissions.plugins' },
          );
        }
        this.#configs.set(name, merge(this.#configs.get(name) ?? {}, readConfig(configJson)));
        return { plugin };
      }),
    ]);
  }

  /** What is configured for an entry. */
  configOf(name: string): JsonObject | undefined {
    return this.#configs.get(name);
  }

  #found(name: string): PluginSummary {
    const plugin = this.#plugins.get(name);
    if (plugin !== undefined) return plugin;
    throw new BulkheadError(ErrorCode.NOT_FOUND, `there is no plugin entry '${name}'`, { field: 'name' });
  }
}

function summary(entry: TestPluginEntry): PluginSummary {
  return {
    name: entry.name,
    id: entry.id ?? entry.name,
    version: entry.version ?? '1.0.0',
    enabled: entry.enabled ?? true,
    state: entry.state ?? 'ready',
    health: entry.health ?? (entry.state === undefined || entry.state === 'ready' ? 'healthy' : ''),
    mode: entry.mode ?? 'sequential',
    hooks: [...(entry.hooks ?? [])],
    maturity: entry.maturity ?? '',
  };
}

function readConfig(text: string): JsonObject {
  const value = text === '' ? {} : parseJson(text);
  if (isJsonObject(value)) return value;
  throw invalid('config_json', 'expected the JSON text of an object');
}

/** As bulkhead.yaml is merged: maps by key, null removes. */
function merge(before: JsonObject, change: JsonObject): JsonObject {
  const after: Record<string, JsonValue> = { ...before };
  for (const [key, value] of Object.entries(change)) {
    const known = after[key];
    if (value === null) Reflect.deleteProperty(after, key);
    else after[key] = isJsonObject(value) && isJsonObject(known) ? merge(known, value) : value;
  }
  return after;
}

function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return isPlainObject(value);
}
