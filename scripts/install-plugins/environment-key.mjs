import { createHash } from 'node:crypto';

/** Hexadecimal digits that a folder's name carries. */
const LENGTH = 16;

/**
 * Names an environment by everything that it is made of: the package's files, the SDK's, each dependency as the lockfile
 * pins it, the ABI of Node and the platform. Equal keys, equal environments.
 *
 * @param {{ files: readonly { path: string, content: Buffer }[] }} plugin
 * @param {{ files: readonly { path: string, content: Buffer }[] }} sdk
 * @param {{ direct: Map<string, string>, slots: Map<string, { integrity: string, links: Map<string, string> }> }} graph
 */
export function environmentKey(plugin, sdk, graph) {
  const hash = createHash('sha256');
  const add = (...parts) => hash.update(`${JSON.stringify(parts)}\n`);
  add('platform', process.platform, process.arch, process.versions.modules);
  for (const [origin, files] of [
    ['package', plugin.files],
    ['sdk', sdk.files],
  ]) {
    for (const { path, content } of files)
      add(origin, path, createHash('sha256').update(content).digest('hex'));
  }
  for (const [name, slot] of graph.direct) add('direct', name, slot);
  for (const [slot, { integrity, links }] of [...graph.slots].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    add('dependency', slot, integrity, [...links]);
  }
  return hash.digest('hex').slice(0, LENGTH);
}
