import { join } from 'node:path';
import { BulkheadError, ErrorCode, isBulkheadError, type Problem } from '@bulkhead/proto';
import { loadInstallSettings } from '../config/load-install.js';
import { LOCK_FILE } from '../install/lock-file.js';
import { createStartVerifier } from '../install/start-verifier.js';
import { createTreeChecker } from '../install/tree-checker.js';
import { HOST_VERSION } from '../version.js';
import type { Cli } from './cli.js';
import { loadHostConfig } from './load.js';
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
  const { base, pluginsDir, cacheDir, environment } = await loadInstallSettings(file);
  const trees = createTreeChecker();
  try {
    const verifier = createStartVerifier({
      pluginsDir,
      cacheDir,
      lockFile: join(base, LOCK_FILE),
      environment,
      versions: { app: HOST_VERSION, node: process.versions.node },
      trees,
    });
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
