import { Document } from 'yaml';
import type { PluginConfig } from '../config/config.js';
import { valueOf } from '../manifest/source-tree.js';
import type { StoredEntry } from '../stored-config/config-layer.js';
import { isHidden, showLeaves } from '../stored-config/describe-entry.js';
import { treeOfLeaves } from '../stored-config/leaves.js';

/**
 * The store's layer as YAML for a file, with who set what and when. What is secret is left out and said: a file should
 * refer to it instead.
 *
 * @param plugins whose schemas say what is secret
 */
export function renderLayer(
  entries: ReadonlyMap<string, StoredEntry>,
  plugins: readonly PluginConfig[],
): string {
  const said: string[] = [];
  const written: Record<string, unknown> = {};
  for (const [name, { leaves }] of entries) {
    const plugin = plugins.find((entry) => entry.name === name);
    const shown = showLeaves(leaves, plugin);
    const open = leaves.filter((leaf) => !isHidden(leaf, plugin));
    for (const { path, by, at } of shown) {
      const hidden = !open.some((leaf) => leaf.path.join('\0') === path.join('\0'));
      said.push(
        ` plugins.${name}.${path.join('.')}: ${by}, ${at}${hidden ? '; a secret, left out: write a reference instead' : ''}`,
      );
    }
    if (open.length > 0) written[name] = valueOf(treeOfLeaves(open));
  }
  if (said.length === 0) return '# Nothing is set in the store.\n';
  const document = new Document(Object.keys(written).length === 0 ? {} : { plugins: written });
  document.commentBefore = [' Set in the store, by whom and when:', ...said].join('\n');
  return document.toString();
}
