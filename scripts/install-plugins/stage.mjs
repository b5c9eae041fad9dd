import { constants } from 'node:fs';
import { chmod, cp, lstat, mkdir, readdir, readlink, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { InstallError } from './install-error.mjs';

const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/**
 * Writes a whole environment into a folder that is not there yet: the package's files, the SDK, and the dependencies in
 * pnpm's own layout with relative links, so that the folder can be moved.
 */
export async function stageEnvironment(folder, { plugin, sdk, graph }) {
  await writeFiles(folder, plugin.files);
  const modules = join(folder, 'node_modules');
  await writeFiles(join(modules, ...sdk.name.split('/')), sdk.files);
  for (const [slot, { name, directory, links }] of graph.slots) {
    const home = join(modules, '.pnpm', slot, 'node_modules');
    const target = join(home, ...name.split('/'));
    await mkdir(dirname(target), { recursive: true, mode: FOLDER_MODE });
    await cp(directory, target, {
      recursive: true,
      mode: constants.COPYFILE_FICLONE,
      verbatimSymlinks: true,
    });
    for (const [linked, to] of links) await link(home, linked, slotPath(modules, to, linked));
  }
  for (const [name, slot] of graph.direct) await link(modules, name, slotPath(modules, slot, name));
  await assertSelfContained(folder);
}

function slotPath(modules, slot, name) {
  return join(modules, '.pnpm', slot, 'node_modules', ...name.split('/'));
}

async function writeFiles(folder, files) {
  for (const { path, content } of files) {
    const target = join(folder, ...path.split('/'));
    await mkdir(dirname(target), { recursive: true, mode: FOLDER_MODE });
    await writeFile(target, content, { mode: FILE_MODE, flag: 'wx' });
  }
}

async function link(folder, name, target) {
  const path = join(folder, ...name.split('/'));
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  await symlink(relative(dirname(path), target), path, 'dir');
}

/** Nothing in an environment points out of it, and nobody else may write into it. */
async function assertSelfContained(folder) {
  const top = await realpath(folder);
  const visit = async (path) => {
    const found = await lstat(path);
    if (found.isSymbolicLink()) {
      const target = await realpath(path);
      if (!target.startsWith(top + sep)) {
        throw new InstallError(
          `${relative(top, path)} points out of the environment, to ${await readlink(path)}`,
        );
      }
    } else {
      if ((found.mode & 0o022) !== 0) await chmod(path, found.mode & 0o755);
      if (found.isDirectory()) for (const name of await readdir(path)) await visit(join(path, name));
    }
  };
  await visit(top);
}
