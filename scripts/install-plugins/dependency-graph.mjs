import { readdir, readFile, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { InstallError } from './install-error.mjs';

/** pnpm keeps each package under node_modules/.pnpm/<slot>/node_modules/, beside links to what it depends on. */
const STORE = join('node_modules', '.pnpm');

/**
 * Every package that a plugin depends on, as pnpm installed it from the lockfile.
 *
 * @param {{ root: string, lockfile: string }} workspace
 * @param {{ directory: string, dependencies: Record<string, string> }} plugin
 * @returns {Promise<{ direct: Map<string, string>, slots: Map<string, object> }>} `direct`: name to slot
 */
export async function readGraph(workspace, plugin) {
  const direct = new Map();
  const slots = new Map();
  for (const [name, wanted] of Object.entries(plugin.dependencies)) {
    const slot = await readSlot(workspace, join(plugin.directory, 'node_modules', name), name, slots);
    const { version } = slots.get(slot);
    if (/^\d/.test(wanted) && wanted !== version) {
      throw new InstallError(
        `dependency ${name}: expected ${wanted}, installed is ${version}; install the packages anew: npm start`,
      );
    }
    direct.set(name, slot);
  }
  return { direct, slots };
}

async function readSlot(workspace, link, name, slots) {
  const store = await realpath(join(workspace.root, STORE));
  const target = await realpath(link).catch(() => {
    throw new InstallError(
      `dependency ${name}: expected it in ${link}, found none; install the packages anew: npm start`,
    );
  });
  const slot = relative(store, target).split(sep)[0] ?? '';
  if (slot === '' || slot === '..') {
    throw new InstallError(
      `dependency ${name}: expected a package from the lockfile, got the folder ${target}`,
    );
  }
  if (slots.has(slot)) return slot;
  const { version } = JSON.parse(await readFile(join(target, 'package.json'), 'utf8'));
  const entry = {
    name,
    version,
    integrity: integrityOf(workspace.lockfile, name, version),
    directory: target,
    links: new Map(),
  };
  slots.set(slot, entry);
  const siblings = join(store, slot, 'node_modules');
  for (const sibling of await packageNames(siblings)) {
    if (sibling !== name)
      entry.links.set(sibling, await readSlot(workspace, join(siblings, sibling), sibling, slots));
  }
  return slot;
}

async function packageNames(folder) {
  /** @type {string[]} */
  const names = [];
  for (const name of (await readdir(folder)).filter((each) => !each.startsWith('.'))) {
    if (!name.startsWith('@')) names.push(name);
    else for (const inner of await readdir(join(folder, name))) names.push(`${name}/${inner}`);
  }
  return names.toSorted();
}

/** What the lockfile says of a package; read as text, because to parse all of it takes longer than all the rest. */
function integrityOf(lockfile, name, version) {
  const key = `${name}@${version}`;
  for (const written of [key, `'${key}'`]) {
    const at = lockfile.indexOf(`\n  ${written}:\n    resolution: {`);
    const found =
      at < 0 ? undefined : /integrity: (sha512-[^,}\s]+)/.exec(lockfile.slice(at, lockfile.indexOf('}', at)));
    if (found?.[1] !== undefined) return found[1];
  }
  throw new InstallError(
    `dependency ${key}: expected it with a sha512 integrity in pnpm-lock.yaml, found none`,
  );
}
