import type { PluginConfig } from '../config/config.js';
import { isPlainObject } from '@bulkhead/proto/rules';
import { HIDDEN, hideWriteOnly } from '../config/write-only.js';
import { nameOfActor, type Leaf } from './leaves.js';

/** One value of the layer, as it is shown. */
export interface ShownLeaf {
  readonly path: readonly string[];
  /** `***` for what the plugin's schema marks `writeOnly`. */
  readonly value: unknown;
  /** `<kind>:<id>` */
  readonly by: string;
  /** ISO 8601 */
  readonly at: string;
}

/** @param plugin undefined when the entry's plugin is not there: then nobody knows what of its configuration is a secret */
export function showLeaves(leaves: readonly Leaf[], plugin: PluginConfig | undefined): readonly ShownLeaf[] {
  return leaves.map(({ path, value, sealed, by, at }) => ({
    path,
    value: sealed === true ? HIDDEN : shownValue(path, value, plugin),
    by: nameOfActor(by),
    at: new Date(at).toISOString(),
  }));
}

/** Whether a value of `config`, or a part of it, is shown to nobody. */
export function isHidden({ path, value, sealed }: Leaf, plugin: PluginConfig | undefined): boolean {
  return sealed === true || (path[0] === 'config' && holdsHidden(shownValue(path, value, plugin)));
}

function holdsHidden(shown: unknown): boolean {
  if (Array.isArray(shown)) return shown.some(holdsHidden);
  return isPlainObject(shown) ? Object.values(shown).some(holdsHidden) : shown === HIDDEN;
}

function shownValue(path: readonly string[], value: unknown, plugin: PluginConfig | undefined): unknown {
  const [first, ...inner] = path;
  if (first !== 'config') return value;
  if (plugin === undefined) return HIDDEN;
  const schema = plugin.manifest.configSchema ?? {};
  // The value under its keys, so that a schema that hides any place on the way hides it.
  let shown: unknown = hideWriteOnly(
    inner.reduceRight<unknown>((nested, key) => ({ [key]: nested }), value),
    schema,
    schema,
  );
  for (const key of inner) {
    if (typeof shown !== 'object' || shown === null) return shown;
    shown = Object.entries(shown).find(([name]) => name === key)?.[1];
  }
  return shown;
}
