import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What the compiler leaves beside its output and nobody needs at run time. */
const BY_PRODUCT = /(?:\.tsbuildinfo|\.map|\.d\.ts|\.d\.mts|\.d\.cts)$/;

/**
 * The files under the named entries of a directory, sorted, with their content. An entry that is not there is left out.
 *
 * @param {string} directory
 * @param {readonly string[]} entries files and folders
 * @returns {Promise<{ path: string, content: Buffer }[]>} paths with forward slashes
 */
export async function readFiles(directory, entries) {
  /** @type {string[]} */
  const paths = [];
  for (const entry of entries) paths.push(...(await filesUnder(directory, entry)));
  const wanted = [...new Set(paths)].filter((path) => !BY_PRODUCT.test(path)).toSorted();
  return Promise.all(wanted.map(async (path) => ({ path, content: await readFile(join(directory, path)) })));
}

/**
 * @param {string} directory
 * @param {string} entry
 * @returns {Promise<string[]>}
 */
async function filesUnder(directory, entry) {
  const found = await stat(join(directory, entry)).catch(() => undefined);
  if (found === undefined) return [];
  if (!found.isDirectory()) return [entry];
  const children = await readdir(join(directory, entry), { withFileTypes: true });
  const nested = await Promise.all(
    children
      .filter(({ name }) => name !== 'node_modules')
      .map((child) => filesUnder(directory, `${entry}/${child.name}`)),
  );
  return nested.flat();
}
