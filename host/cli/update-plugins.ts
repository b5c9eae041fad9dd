import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InstallResult } from '../install/install-result.js';
import type { Cli } from './cli.js';
import type { InstallOptions } from './commands/plugin/install-options.js';
import { openInstaller } from './open-installer.js';
import { tellDaemon } from './tell-daemon.js';

/** Asks the sources of locked plugins again. A daemon that runs takes what changed. */
export async function updatePlugins(
  cli: Cli,
  ids: readonly string[],
  options: InstallOptions,
): Promise<readonly InstallResult[]> {
  const { installer, settings } = await openInstaller(cli, options, {
    grant: options.grant,
    mayAsk: options.json !== true,
  });
  const { plugins } = await installer.lock();
  const results: InstallResult[] = [];
  for (const id of ids.length === 0 ? Object.keys(plugins) : ids) {
    const entry = plugins[id];
    if (entry === undefined) {
      const known = Object.keys(plugins).join(', ') || 'none';
      throw new BulkheadError(ErrorCode.NOT_LOCKED, `No plugin '${id}' is in the lock; there are: ${known}.`);
    }
    results.push(await installer.install(entry.source, { frozen: false, fresh: true }));
  }
  if (results.some(({ status }) => status === 'built' || status === 'activated'))
    await tellDaemon(cli, settings.dataDir);
  return results;
}
