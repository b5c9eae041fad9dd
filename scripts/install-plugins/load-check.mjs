import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { InstallError } from './install-error.mjs';

const TIMEOUT_MS = 30_000;

/**
 * Loads the plugin's entry once, in a process of its own and with what is in the environment. An entry has no side
 * effects, so this only shows whether all that it imports is there.
 */
export async function assertLoads(folder, entry) {
  const url = pathToFileURL(join(folder, entry)).href;
  const program = `const { default: plugin } = await import(${JSON.stringify(url)});
    if (typeof plugin?.setup !== 'function') throw new Error('expected the default export of definePlugin');`;
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: folder,
      env: {},
      timeout: TIMEOUT_MS,
    });
  } catch (error) {
    const why =
      String(error.stderr ?? '')
        .split('\n')
        .find((line) => /^\w*Error\b/.test(line)) ?? error.message;
    throw new InstallError(`its entry ${entry} does not load in its own environment: ${why}`);
  }
}
