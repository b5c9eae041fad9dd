import type { Keys } from '@bulkhead/proto/rules/schema';

/** Where a value came from. */
export interface Origin {
  /** For example `bulkhead.yaml`, `manifest`, `schema default`, `command line`. */
  readonly layer: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** Of the layer `store`: who said it, as `<kind>:<id>`, and when, ISO 8601. */
  readonly by?: string;
  readonly at?: string;
}

/** A document's value that remembers, at every place, where it came from. */
export type SourceTree =
  | {
      readonly kind: 'map';
      readonly entries: ReadonlyMap<string, SourceTree>;
      readonly origin: Origin;
      /** It stands over something that is no map, so nothing below shines through. */
      readonly replaces?: true;
    }
  | { readonly kind: 'list'; readonly items: readonly SourceTree[]; readonly origin: Origin }
  | {
      readonly kind: 'value';
      readonly value: string | number | boolean | null;
      readonly origin: Origin;
      /** What to show instead of the value: the reference that it was read through. */
      readonly shown?: string;
      /** The value is not known here; whatever a schema says of it does not matter. */
      readonly unread?: true;
    };

/** Deepest nesting that is read from anywhere. */
export const MAX_TREE_DEPTH = 64;

/**
 * The tree of a value that has no text, all of one origin. `undefined` members are left out.
 *
 * @throws TypeError when the value is not JSON, or is nested too deep
 */
export function treeFromValue(value: unknown, origin: Origin, depth = 0): SourceTree {
  if (depth > MAX_TREE_DEPTH) throw new TypeError(`expected at most ${MAX_TREE_DEPTH} levels, got more.`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean')
    return { kind: 'value', value, origin };
  if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'value', value, origin };
  if (value instanceof Date) return { kind: 'value', value: value.toISOString(), origin };
  if (Array.isArray(value)) {
    return {
      kind: 'list',
      items: value.map((item: unknown) => treeFromValue(item, origin, depth + 1)),
      origin,
    };
  }
  if (typeof value === 'object') {
    const entries = new Map<string, SourceTree>();
    for (const [key, inner] of Object.entries(value)) {
      if (inner !== undefined) entries.set(key, treeFromValue(inner, origin, depth + 1));
    }
    return { kind: 'map', entries, origin };
  }
  throw new TypeError(`expected a JSON value, got ${typeof value} ${String(value)}.`);
}

/** The plain value. */
export function valueOf(tree: SourceTree): unknown {
  switch (tree.kind) {
    case 'value':
      return tree.value;
    case 'list':
      return tree.items.map(valueOf);
    case 'map':
      // fromEntries defines own members, so a key named __proto__ stays data.
      return Object.fromEntries([...tree.entries].map(([key, inner]) => [key, valueOf(inner)]));
  }
}

/** The tree at a place; undefined when there is none. */
export function treeAt(tree: SourceTree, keys: Keys): SourceTree | undefined {
  let at: SourceTree | undefined = tree;
  for (const key of keys) {
    if (at?.kind === 'map') at = at.entries.get(String(key));
    else if (at?.kind === 'list') at = at.items[Number(key)];
    else return undefined;
  }
  return at;
}

/** The origin of a place, or of the nearest place above it that exists. */
export function originAt(tree: SourceTree, keys: Keys): Origin {
  for (let length = keys.length; length > 0; length--) {
    const found = treeAt(tree, keys.slice(0, length));
    if (found !== undefined) return found.origin;
  }
  return tree.origin;
}
