import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';
import {
  formatPath,
  nearest,
  writePermissions,
  type JsonSchema,
  type Keys,
} from '@bulkhead/proto/rules/schema';
import { originAt, treeAt, valueOf, type Origin, type SourceTree } from '../manifest/source-tree.js';
import type { PluginConfig } from './config.js';
import type { LoadedConfig } from './loaded-config.js';
import { resolveMode } from './modes.js';
import { HIDDEN, hideWriteOnly } from './write-only.js';

/** One effective value. */
export interface ExplainedValue {
  /** For example `hooks.tool_pre_invoke.priority` or `config.detectors[0]`. */
  readonly key: string;
  /** As JSON; a reference instead of what was read through it, `***` for what the schema marks `writeOnly`. */
  readonly value: string;
  readonly origin: Origin;
}

const HOST_DEFAULT: Origin = { layer: 'default' };
const MANIFEST: Origin = { layer: 'manifest' };
/** What was decided, or what development gives. `bulkhead plugin grants` says by whom. */
const GRANT: Origin = { layer: 'grant' };

/**
 * Every effective value of one entry with the file and line, or the layer, that it came from.
 *
 * @throws BulkheadError PLUGIN_NOT_FOUND when no entry has that name
 */
export function explainPlugin(loaded: LoadedConfig, name: string): readonly ExplainedValue[] {
  const { plugins } = loaded.config;
  const plugin =
    plugins.find((entry) => entry.name === name) ?? plugins.find((entry) => entry.manifest.id === name);
  if (plugin === undefined) {
    const suggestion = nearest(
      name,
      plugins.map((entry) => entry.name),
    );
    const hint = suggestion === undefined ? '' : ` Did you mean '${suggestion}'?`;
    throw new BulkheadError(ErrorCode.PLUGIN_NOT_FOUND, `no entry '${name}' is configured.${hint}`);
  }
  const rows = [...dispatchRows(loaded.tree, plugin), ...processRows(loaded.tree, plugin)];
  const tree = loaded.pluginTrees.get(plugin.name);
  if (tree !== undefined) rows.push(...configRows(tree, plugin.manifest.configSchema ?? {}));
  return rows;
}

/** The origin of the first of some places of the entry that somebody wrote. */
function firstOf(tree: SourceTree, plugin: PluginConfig, places: readonly Keys[], otherwise: Origin): Origin {
  for (const keys of places) {
    const found = treeAt(tree, ['plugins', plugin.name, ...keys]);
    if (found !== undefined) return found.origin;
  }
  return otherwise;
}

function dispatchRows(tree: SourceTree, plugin: PluginConfig): ExplainedValue[] {
  const { manifest } = plugin;
  const row = (key: string, value: unknown, origin: Origin): ExplainedValue => ({
    key,
    value: JSON.stringify(value),
    origin,
  });
  const from = (places: readonly Keys[], otherwise: Origin): Origin =>
    firstOf(tree, plugin, places, otherwise);
  const rows = [
    row('enabled', plugin.enabled, from([['enabled'], ['is_active']], HOST_DEFAULT)),
    row('plugin', manifest.id, from([['plugin'], ['kind'], []], HOST_DEFAULT)),
    row('version', manifest.version, MANIFEST),
    row(
      'mode',
      plugin.mode,
      from(
        [['mode'], ...plugin.hooks.map((hook) => ['hooks', hook.hook, 'mode'])],
        declaresMode(plugin) ? MANIFEST : HOST_DEFAULT,
      ),
    ),
    row(
      'on_error',
      plugin.onError,
      from(modeSaysOnError(tree, plugin) ? [['on_error'], ['mode']] : [['on_error']], HOST_DEFAULT),
    ),
  ];
  for (const hook of plugin.hooks) {
    const declared = manifest.hooks[hook.hook] ?? {};
    const at = (member: string): readonly Keys[] => [['hooks', hook.hook, member], [member]];
    const unless = (told: unknown): Origin => (told === undefined ? HOST_DEFAULT : MANIFEST);
    const key = `hooks.${hook.hook}`;
    rows.push(
      row(`${key}.mode`, hook.mode, from(at('mode'), unless(declared.mode))),
      row(`${key}.priority`, hook.priority, from(at('priority'), unless(declared.priority))),
      row(`${key}.timeout_ms`, hook.timeoutMs, timeoutOrigin(tree, plugin, hook.hook)),
    );
    if (hook.conditions.length > 0) {
      const places = [['hooks', hook.hook, 'conditions'], ['hooks', hook.hook, 'tools'], ['conditions']];
      rows.push(row(`${key}.conditions`, hook.conditions, from(places, MANIFEST)));
    }
    if (hook.fields !== undefined) {
      rows.push(
        row(
          `${key}.fields`,
          hook.fields,
          from(
            [
              ['hooks', hook.hook, 'fields'],
              ['hooks', hook.hook, 'tools'],
            ],
            MANIFEST,
          ),
        ),
      );
    }
  }
  return rows;
}

/** An older mode name may carry what errors do. */
function modeSaysOnError(tree: SourceTree, plugin: PluginConfig): boolean {
  const mode = treeAt(tree, ['plugins', plugin.name, 'mode']);
  return mode?.kind === 'value' && resolveMode(String(mode.value)).onError !== undefined;
}

function declaresMode({ manifest, hooks }: PluginConfig): boolean {
  return hooks.some((hook) => manifest.hooks[hook.hook]?.mode !== undefined);
}

function timeoutOrigin(tree: SourceTree, plugin: PluginConfig, hook: string): Origin {
  const { hooks, limits } = plugin.manifest;
  const declared = hooks[hook]?.timeoutMs ?? limits.timeoutMs;
  if (declared !== undefined)
    return firstOf(tree, plugin, [['hooks', hook, 'timeout_ms'], ['timeout_ms']], MANIFEST);
  const host = treeAt(tree, ['limits', 'call_timeout_ms'])?.origin ?? HOST_DEFAULT;
  return firstOf(tree, plugin, [['hooks', hook, 'timeout_ms'], ['timeout_ms']], host);
}

function processRows(tree: SourceTree, plugin: PluginConfig): ExplainedValue[] {
  const from = (keys: Keys, otherwise: Origin): Origin => firstOf(tree, plugin, [keys], otherwise);
  const row = (key: string, value: unknown, origin: Origin): ExplainedValue => ({
    key,
    value: JSON.stringify(value),
    origin,
  });
  const logLevel = treeAt(tree, ['log', 'level'])?.origin ?? HOST_DEFAULT;
  return [
    row('instances', plugin.instances, from(['instances'], HOST_DEFAULT)),
    row('network', plugin.network, from(['network'], HOST_DEFAULT)),
    row(
      'max_in_flight',
      plugin.maxInFlight,
      from(['max_in_flight'], plugin.manifest.limits.maxInFlight === undefined ? HOST_DEFAULT : MANIFEST),
    ),
    row('max_queue', plugin.maxQueue, from(['max_queue'], HOST_DEFAULT)),
    row('log_level', plugin.logLevel, from(['log_level'], logLevel)),
    row('grants.context', plugin.grantedContext, from(['grants', 'context'], GRANT)),
    row('grants.scopes', plugin.grantedScopes, from(['grants', 'scopes'], GRANT)),
    ...reachRows(plugin).map(([kind, value]) => row(`grants.${kind}`, value, from(['grants', kind], GRANT))),
    ...(plugin.command === undefined
      ? []
      : [row('command', plugin.command, from(['command'], HOST_DEFAULT))]),
    // Values of variables may be secrets; their names are enough to find them.
    ...Object.keys(plugin.env).map((name) => {
      const at = treeAt(tree, ['plugins', plugin.name, 'env', name]);
      const shown = at?.kind === 'value' && at.shown !== undefined ? at.shown : '***';
      return {
        key: `env.${name}`,
        value: shown,
        origin: originAt(tree, ['plugins', plugin.name, 'env', name]),
      };
    }),
  ];
}

/** The other kinds of a grant, where there is something of them. */
function reachRows({ granted }: PluginConfig): readonly (readonly [kind: string, value: unknown])[] {
  const { services: _scopes, context: _context, ...rest } = writePermissions(granted);
  return Object.entries(rest);
}

function configRows(tree: SourceTree, schema: JsonSchema): ExplainedValue[] {
  const rows: ExplainedValue[] = [];
  const walk = (at: SourceTree, shown: unknown, keys: Keys): void => {
    if (shown === HIDDEN) rows.push({ key: formatPath(keys), value: HIDDEN, origin: at.origin });
    else if (at.kind === 'map' && at.entries.size > 0) {
      for (const [key, value] of at.entries)
        walk(value, isPlainObject(shown) ? shown[key] : undefined, [...keys, key]);
    } else if (at.kind === 'list' && at.items.length > 0) {
      for (const [index, item] of at.items.entries())
        walk(item, Array.isArray(shown) ? shown[index] : undefined, [...keys, index]);
    } else {
      const value =
        at.kind === 'value' ? (at.shown ?? JSON.stringify(at.value)) : at.kind === 'list' ? '[]' : '{}';
      rows.push({ key: formatPath(keys), value, origin: at.origin });
    }
  };
  walk(tree, hideWriteOnly(valueOf(tree), schema, schema), ['config']);
  return rows;
}
