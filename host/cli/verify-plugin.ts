import { BulkheadError, ErrorCode, isBulkheadError, type Problem } from '@bulkhead/proto';
import { loadInstallSettings } from '../config/load-install.js';
import { createTreeChecker } from '../install/tree-checker.js';
import type { Cli } from './cli.js';
import { loadHostConfig } from './load.js';
import { openVerifier } from './open-verifier.js';
import type { PackageReport } from './package-report.js';

const CHECKED = [
  'lock',
  'manifest',
  'entry',
  'assets',
  'compatibility',
  'owner, modes, links and bytes of its files',
];

/**
 * Verifies the plugin of a configured entry where it is installed, as the daemon does before each start.
 *
 * @throws PLUGIN_NOT_FOUND, CONFIG_INVALID
 */
export async function verifyPlugin(env: Cli['env'], file: string, name: string): Promise<PackageReport> {
  const { config } = await loadHostConfig(env, { file });
  const plugin = config.plugins.find((entry) => entry.name === name || entry.manifest.id === name);
  if (plugin === undefined) {
    const known = config.plugins.map((entry) => entry.name).join(', ') || 'none';
    throw new BulkheadError(
      ErrorCode.PLUGIN_NOT_FOUND,
      `No plugin '${name}' is configured; there are: ${known}.`,
    );
  }
  const trees = createTreeChecker();
  try {
    const verifier = openVerifier(await loadInstallSettings(file), trees);
    await verifier.refresh();
    const problems = await verifier.verify(plugin).then(() => [], problemsOf);
    return { name, directory: plugin.directory, checked: CHECKED, problems, notices: [] };
  } finally {
    await trees.close();
  }
}

function problemsOf(error: unknown): readonly Problem[] {
  if (!isBulkheadError(error)) throw error;
  return error.problems.length > 0 ? error.problems : [{ code: error.code, message: error.message }];
}
