import type { InstallResult } from '../install/install-result.js';
import { entryOf, lockedId } from '../install/locked-entries.js';
import type { Cli } from './cli.js';
import type { InstallOptions } from './commands/plugin/install-options.js';
import { openInstaller } from './open-installer.js';
import { tellDaemon } from './tell-daemon.js';

/** Asks the sources of locked plugins again; all of them when none is named. A daemon that runs takes what changed. */
export async function updatePlugins(
  cli: Cli,
  called: readonly string[],
  options: InstallOptions,
): Promise<readonly InstallResult[]> {
  const { installer, settings } = await openInstaller(cli, options, {
    grant: options.grant,
    mayAsk: options.json !== true,
  });
  const lock = await installer.lock();
  const results: InstallResult[] = [];
  for (const id of called.length === 0
    ? Object.keys(lock.plugins)
    : called.map((name) => lockedId(lock, name))) {
    const entry = entryOf(lock, id);
    results.push(await installer.install(entry.source, { frozen: false, fresh: true }));
  }
  if (results.some(({ status }) => status === 'built' || status === 'activated'))
    await tellDaemon(cli, settings.dataDir);
  return results;
}
