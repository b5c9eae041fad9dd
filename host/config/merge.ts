import type { Keys } from '@bulkhead/proto/rules/schema';
import type { SourceTree } from '../manifest/source-tree.js';

/**
 * `upper` over `lower`: maps merge by key, a list replaces a list, `null` removes. Associative, so layers may be put
 * together in any grouping: a `null` stays until {@link settle}, and a map that stood over a `null` remembers that
 * nothing below it counts.
 */
export function mergeTrees(lower: SourceTree, upper: SourceTree): SourceTree {
  if (upper.kind !== 'map' || upper.replaces === true) return upper;
  if (lower.kind !== 'map') return { ...upper, replaces: true };
  const entries = new Map(lower.entries);
  for (const [key, value] of upper.entries) {
    const below = entries.get(key);
    entries.set(key, below === undefined ? value : mergeTrees(below, value));
  }
  const origin = lower.entries.size === 0 ? upper.origin : lower.origin;
  return { kind: 'map', entries, origin, ...(lower.replaces === true ? { replaces: true } : {}) };
}

export function mergeLayers(layers: readonly SourceTree[]): SourceTree {
  return layers.reduce(mergeTrees, EMPTY);
}

export const EMPTY: SourceTree = { kind: 'map', entries: new Map(), origin: { layer: 'nothing' } };

export interface Settled {
  readonly tree: SourceTree;
  /** The places whose value a `null` removed. */
  readonly removed: readonly Keys[];
}

/** Takes out what a `null` removed. A `null` inside a list is a value and stays. */
export function settle(tree: SourceTree): Settled {
  const removed: Keys[] = [];
  const walk = (at: SourceTree, keys: Keys): SourceTree => {
    if (at.kind !== 'map') return at;
    const entries = new Map<string, SourceTree>();
    for (const [key, value] of at.entries) {
      const inner = [...keys, key];
      if (value.kind === 'value' && value.value === null) removed.push(inner);
      else entries.set(key, walk(value, inner));
    }
    return { kind: 'map', entries, origin: at.origin };
  };
  return { tree: walk(tree, []), removed };
}

/** The topmost places of `defaults` that `tree` lacks. */
export function missingFrom(tree: SourceTree, defaults: SourceTree): readonly Keys[] {
  const missing: Keys[] = [];
  const walk = (at: SourceTree | undefined, wanted: SourceTree, keys: Keys): void => {
    if (at === undefined) missing.push(keys);
    else if (at.kind === 'map' && wanted.kind === 'map') {
      for (const [key, value] of wanted.entries) walk(at.entries.get(key), value, [...keys, key]);
    }
  };
  walk(tree, defaults, []);
  return missing;
}

/** The tree without one place; steps into lists drop the item's value to keep the others' indexes. */
export function without(tree: SourceTree, keys: Keys): SourceTree {
  const [key, ...rest] = keys;
  if (key === undefined) return tree;
  if (tree.kind === 'map') {
    const entries = new Map(tree.entries);
    const inner = entries.get(String(key));
    if (inner === undefined) return tree;
    if (rest.length === 0) entries.delete(String(key));
    else entries.set(String(key), without(inner, rest));
    return { ...tree, entries };
  }
  if (tree.kind !== 'list') return tree;
  const items = tree.items.flatMap((item, index) =>
    index !== key ? [item] : rest.length === 0 ? [] : [without(item, rest)],
  );
  return { ...tree, items };
}
