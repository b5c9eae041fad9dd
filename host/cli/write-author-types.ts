import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateAuthorTypes } from '../manifest/author-types.js';
import { loadManifest } from '../manifest/load-manifest.js';

const TYPES_FILE = 'plugin.gen.d.ts';

/**
 * Writes the types that follow from a plugin's manifest beside it.
 *
 * @returns the path written
 * @throws MANIFEST_NOT_FOUND, MANIFEST_INVALID
 */
export async function writeAuthorTypes(directory: string): Promise<string> {
  const { manifest } = await loadManifest(directory);
  const file = join(directory, TYPES_FILE);
  await writeFile(file, await generateAuthorTypes(manifest));
  return file;
}
