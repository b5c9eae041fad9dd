import type { Keys } from '@bulkhead/proto/rules/schema';
import type { Origin, SourceTree } from '../manifest/source-tree.js';

/**
 * Nulls under `plugins` that stand over nothing. `pii_filter:` with nothing behind it reads as null in YAML, and whoever
 * wrote it meant a guard with all defaults; taking it away silently would fail open. `config` is left out: there a null
 * may stand over a default of the plugin's schema.
 */
export function uselessNulls(lower: SourceTree, upper: SourceTree): readonly (readonly [Keys, Origin])[] {
  const found: (readonly [Keys, Origin])[] = [];
  const walk = (below: SourceTree | undefined, at: SourceTree, keys: Keys): void => {
    if (at.kind === 'value' && at.value === null && below === undefined && keys.length > 1)
      found.push([keys, at.origin]);
    if (at.kind !== 'map') return;
    for (const [key, value] of at.entries) {
      if (keys.length === 2 && key === 'config') continue;
      walk(below?.kind === 'map' ? below.entries.get(key) : undefined, value, [...keys, key]);
    }
  };
  const plugins = (tree: SourceTree): SourceTree | undefined =>
    tree.kind === 'map' ? tree.entries.get('plugins') : undefined;
  const written = plugins(upper);
  if (written !== undefined) walk(plugins(lower), written, ['plugins']);
  return found;
}
