import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InstallError } from './install-error.mjs';
import { readFiles } from './package-files.mjs';

const MANIFEST = 'plugin.yaml';
/** Reverse DNS; it becomes the name of a folder. */
const ID = /^[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+$/;

/**
 * A plugin package as it would be published.
 *
 * @param {string} directory
 */
export async function readPluginPackage(directory) {
  const described = await readDescribed(directory);
  const manifest = await readFile(join(directory, MANIFEST), 'utf8').catch(() => {
    throw new InstallError(`expected ${MANIFEST} in ${directory}, found none`);
  });
  const id = topLevel(manifest, 'id');
  const version = topLevel(manifest, 'version');
  if (id === undefined || !ID.test(id)) {
    throw new InstallError(
      `${MANIFEST}: id: expected a name such as dev.example.my-plugin, got ${String(id)}`,
    );
  }
  if (version !== described.version) {
    throw new InstallError(
      `${MANIFEST} says version ${String(version)} and package.json ${described.version}; make them equal`,
    );
  }
  const entry = described.exports?.['.'];
  const files = await readFiles(directory, [
    'package.json',
    MANIFEST,
    'LICENSE',
    ...(described.files ?? ['dist']),
  ]);
  if (typeof entry !== 'string' || !files.some(({ path }) => `./${path}` === entry)) {
    throw new InstallError(
      `expected the entry ${String(entry)} of package.json, found none; build first: npm run build`,
    );
  }
  return {
    directory,
    name: basename(directory),
    id,
    version,
    entry,
    files,
    dependencies: described.dependencies ?? {},
  };
}

async function readDescribed(directory) {
  const text = await readFile(join(directory, 'package.json'), 'utf8').catch(() => {
    throw new InstallError(`expected package.json in ${directory}, found none`);
  });
  return JSON.parse(text);
}

/** The plain text of a top-level key; manifests of this repository write these two keys that way. */
function topLevel(yaml, key) {
  return new RegExp(`^${key}:[ \\t]*['"]?([^'"\\s#]+)`, 'm').exec(yaml)?.[1];
}
