import { isDeepStrictEqual } from 'node:util';
import type { HostConfig, PluginConfig } from './config.js';

export interface NamesDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What a reload has to touch, by name. Whatever is in no list stays as it is. */
export interface ConfigDiff {
  readonly plugins: NamesDiff & {
    /** Only the dispatch changed (mode, priority, conditions, deadlines …): the process runs on. */
    readonly retuned: readonly string[];
  };
  readonly upstreams: NamesDiff;
  readonly apps: NamesDiff;
  /** The order of entries changed, and with it that of equal priorities. */
  readonly reordered: boolean;
  readonly customHooks: boolean;
  /** Sections that differ and that take effect at once. */
  readonly applied: readonly (keyof HostConfig)[];
  /** Sections that differ and that only a restart of the daemon applies. */
  readonly restart: readonly (keyof HostConfig)[];
}

const APPLIED = ['log', 'limits', 'policy', 'services', 'tools', 'datasources'] as const;
// `lifecycle` and `link` hold for processes that start from now on; those that run keep what they started with.
const RESTART = ['environment', 'host', 'store', 'listen', 'lifecycle', 'link', 'audit', 'secrets'] as const;

/** Compares two configurations. Pure. An entry that is not enabled counts as absent. */
export function diffConfig(old: HostConfig, next: HostConfig): ConfigDiff {
  const before = enabled(old);
  const after = enabled(next);
  const plugins = diffNamed(before, after, sameProcess);
  const retuned = [...after].flatMap(([name, plugin]) => {
    const was = before.get(name);
    return was !== undefined && sameProcess(was, plugin) && !sameDispatch(was, plugin) ? [name] : [];
  });
  const kept = (names: Iterable<string>, others: ReadonlyMap<string, unknown>): string[] =>
    [...names].filter((name) => others.has(name));
  return {
    plugins: { ...plugins, retuned },
    upstreams: diffNamed(byName(old.upstreams, 'name'), byName(next.upstreams, 'name'), isDeepStrictEqual),
    apps: diffNamed(byName(old.apps, 'id'), byName(next.apps, 'id'), isDeepStrictEqual),
    reordered: !isDeepStrictEqual(kept(before.keys(), after), kept(after.keys(), before)),
    customHooks: !isDeepStrictEqual(old.customHooks, next.customHooks),
    applied: APPLIED.filter((section) => !isDeepStrictEqual(old[section], next[section])),
    restart: RESTART.filter((section) => !isDeepStrictEqual(old[section], next[section])),
  };
}

function enabled(config: HostConfig): ReadonlyMap<string, PluginConfig> {
  return new Map(config.plugins.filter((plugin) => plugin.enabled).map((plugin) => [plugin.name, plugin]));
}

function byName<K extends string, T extends { readonly [P in K]: string }>(
  items: readonly T[],
  key: K,
): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item[key], item]));
}

function diffNamed<T>(
  old: ReadonlyMap<string, T>,
  next: ReadonlyMap<string, T>,
  same: (a: T, b: T) => boolean,
): NamesDiff {
  return {
    added: [...next.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !next.has(name)),
    changed: [...next].flatMap(([name, value]) => {
      const was = old.get(name);
      return was !== undefined && !same(was, value) ? [name] : [];
    }),
  };
}

/** What only the host acts on; a change of anything else needs a new process. */
function dispatchOf(plugin: PluginConfig) {
  const { mode, objectHookMode, onError, hooks, grantedContext, serviceBudgets } = plugin;
  return { mode, objectHookMode, onError, hooks, grantedContext, serviceBudgets };
}

function processOf(plugin: PluginConfig) {
  const {
    mode: _mode,
    objectHookMode: _objectHookMode,
    onError: _onError,
    hooks: _hooks,
    grantedContext: _context,
    serviceBudgets: _budgets,
    granted,
    ...rest
  } = plugin;
  return { ...rest, granted: { ...granted, context: [] } };
}

function sameProcess(a: PluginConfig, b: PluginConfig): boolean {
  return isDeepStrictEqual(processOf(a), processOf(b));
}

function sameDispatch(a: PluginConfig, b: PluginConfig): boolean {
  return isDeepStrictEqual(dispatchOf(a), dispatchOf(b));
}
