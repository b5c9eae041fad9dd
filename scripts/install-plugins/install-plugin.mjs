import { mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readGraph } from './dependency-graph.mjs';
import { environmentKey } from './environment-key.mjs';
import { InstallError } from './install-error.mjs';
import { assertLoads } from './load-check.mjs';
import { readPluginPackage } from './plugin-package.mjs';
import { stageEnvironment } from './stage.mjs';
import { removeWhole, stagingPath } from './staging.mjs';

/** Environments of one plugin that are kept, the current one among them. */
const KEPT = 3;
const CURRENT = 'current';

/**
 * Makes the environment of one package current; builds it when it is not there.
 *
 * @returns what became of it: `current` (nothing to do), `activated` (it was there and is current again) or `built`
 */
export async function installPlugin(workspace, directory, { pluginsDir, frozen }) {
  const started = performance.now();
  const plugin = await readPluginPackage(directory);
  const graph = await readGraph(workspace, plugin);
  const key = environmentKey(plugin, workspace.sdk, graph);
  const home = join(pluginsDir, plugin.id);
  const folder = `${plugin.version}-${key}`;
  const isThere = await isFolder(join(home, folder));
  const isCurrent = isThere && (await readlink(join(home, CURRENT)).catch(() => undefined)) === folder;
  if (frozen && !isCurrent) {
    throw new InstallError(
      `--frozen: expected ${join(home, folder)} to be the current environment, and it is ${isThere ? 'not' : 'not there'}; run without --frozen`,
    );
  }
  if (!isThere) await build(pluginsDir, join(home, folder), { plugin, sdk: workspace.sdk, graph });
  if (!isCurrent) {
    await makeCurrent(pluginsDir, home, folder);
    await prune(pluginsDir, home, folder);
  }
  return {
    id: plugin.id,
    name: plugin.name,
    version: plugin.version,
    key,
    path: join(home, folder),
    status: isCurrent ? 'current' : isThere ? 'activated' : 'built',
    packages: graph.slots.size,
    ms: Math.round(performance.now() - started),
  };
}

async function build(pluginsDir, target, parts) {
  const staged = await stagingPath(pluginsDir);
  try {
    await stageEnvironment(staged, parts);
    await assertLoads(staged, parts.plugin.entry);
    await mkdir(join(target, '..'), { recursive: true, mode: 0o755 });
    await rename(staged, target);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    // Another run was faster: what is there has the same key, so it is the same.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
}

/** By one rename over the old link: there is always a current environment, once there was one. */
async function makeCurrent(pluginsDir, home, folder) {
  const link = await stagingPath(pluginsDir);
  await symlink(folder, link, 'dir');
  await rename(link, join(home, CURRENT));
}

/** Removes all but the newest environments; never the current one. */
async function prune(pluginsDir, home, current) {
  const names = (await readdir(home)).filter((name) => name !== CURRENT && name !== current);
  const dated = await Promise.all(
    names.map(async (name) => ({
      name,
      mtimeMs: (await stat(join(home, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  const old = dated.toSorted((a, b) => b.mtimeMs - a.mtimeMs).slice(KEPT - 1);
  for (const { name } of old) await removeWhole(pluginsDir, join(home, name));
}

async function isFolder(path) {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
