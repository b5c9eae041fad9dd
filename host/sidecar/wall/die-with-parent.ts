import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const HELP_TIMEOUT_MS = 5_000;

/**
 * The kernel's signal at the parent's end reaches a plugin that spins, which its lifeline does not. What the plugin
 * started is left to the sweep. An older `setpriv`, or a smaller one, does not know how.
 */
export async function dieWithParent(setpriv: string | undefined): Promise<readonly string[]> {
  if (setpriv === undefined) return [];
  try {
    const { stdout } = await promisify(execFile)(setpriv, ['--help'], { timeout: HELP_TIMEOUT_MS });
    return stdout.includes('--pdeathsig') ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
  } catch {
    return [];
  }
}
