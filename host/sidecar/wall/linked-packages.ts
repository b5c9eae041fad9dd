import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchDescription } from '../sidecar.js';
import { isWithin } from './granted-paths.js';

/** Packages that are looked at; a workspace has some hundreds. */
const MAX_PACKAGES = 5_000;

/** What the program reads besides its package. */
export async function pathsBeside(
  { readOnlyPaths = [], followLinks = false }: LaunchDescription,
  root: string,
): Promise<readonly string[]> {
  return followLinks ? [...readOnlyPaths, ...(await findLinkedPackages(root))] : readOnlyPaths;
}

/**
 * The directories that a package's dependencies are links to, and theirs in turn: what a package under development in
 * a workspace reads besides itself. Only directories with a package.json count, so that a link to anywhere opens
 * nothing. An installed package has all of its dependencies inside and needs none of this.
 */
export async function findLinkedPackages(root: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const queue = [join(root, 'node_modules')];
  for (let next = queue.shift(); next !== undefined && found.size < MAX_PACKAGES; next = queue.shift()) {
    for (const link of await listLinks(next)) {
      const target = await realpath(link).catch(() => undefined);
      if (target === undefined || isWithin(target, root) || !(await isPackage(target))) continue;
      const store = storeFolder(target);
      if (found.has(store ?? target)) continue;
      found.add(store ?? target);
      if (store === undefined) queue.push(join(target, 'node_modules'));
    }
  }
  return [...found];
}

/**
 * In pnpm's layout a package lies in the workspace's virtual store, beside its own dependencies and everybody else's.
 * The store as a whole is one mount; its packages one by one would be a hundred, and cost a start 30 ms.
 */
function storeFolder(target: string): string | undefined {
  return /^.*\/\.pnpm(?=\/)/.exec(target)?.[0];
}

async function listLinks(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const lists = await Promise.all(
    entries.map(async (entry): Promise<readonly string[]> => {
      const path = join(folder, entry.name);
      if (entry.isSymbolicLink()) return [path];
      return entry.isDirectory() && entry.name.startsWith('@') ? listLinks(path) : [];
    }),
  );
  return lists.flat();
}

async function isPackage(directory: string): Promise<boolean> {
  return stat(join(directory, 'package.json')).then(
    (file) => file.isFile(),
    () => false,
  );
}
