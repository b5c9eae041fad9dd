import type { SourceTree } from '../manifest/source-tree.js';
import type { HostConfig } from './config.js';
import type { GrantLookup } from './effective-grant.js';

/** What the host's store says of a configuration. */
export interface Stored {
  /** What operators decided about plugins. */
  readonly grants: GrantLookup;
  /** Per entry, what was changed by other means than a file; merged last. */
  readonly layer: ReadonlyMap<string, SourceTree>;
}

/** Reads it, once the files say where it is. */
export type ReadStored = (places: Pick<HostConfig, 'host' | 'store'>) => Promise<Stored>;

export const NOTHING_STORED: Stored = {
  grants: { get: async () => Promise.resolve(undefined) },
  layer: new Map(),
};

/** The layer as a part of bulkhead.yaml. A plugin's own `config` comes apart, because it stands over its operator's file. */
export function layerTree(layer: Stored['layer']): SourceTree {
  const origin = { layer: 'store' };
  const entries = [...layer].map(([name, tree]): readonly [string, SourceTree] => {
    if (tree.kind !== 'map') return [name, tree];
    const rest = new Map(tree.entries);
    rest.delete('config');
    return [name, { ...tree, entries: rest }];
  });
  const plugins: SourceTree = { kind: 'map', entries: new Map(entries), origin };
  return { kind: 'map', entries: new Map([['plugins', plugins]]), origin };
}
