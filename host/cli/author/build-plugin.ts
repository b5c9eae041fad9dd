import { writeAuthorTypes } from '../write-author-types.js';
import { readScripts, runScript, type ScriptEnd, type ScriptRun } from './package-scripts.js';

/**
 * Brings a package up to date: the types that follow from its manifest, then its `build` script, if it has one.
 *
 * @throws MANIFEST_NOT_FOUND, MANIFEST_INVALID
 */
export async function buildPlugin(run: ScriptRun): Promise<ScriptEnd> {
  const scripts = await readScripts(run.directory);
  await writeAuthorTypes(run.directory);
  const build = scripts.get('build');
  return build === undefined ? { ok: true } : runScript(build, run);
}
