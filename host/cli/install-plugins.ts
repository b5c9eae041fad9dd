import { parseSource } from '../install/source.js';
import type { InstallResult } from '../install/install-result.js';
import type { Cli } from './cli.js';
import type { InstallOptions } from './commands/plugin/install-options.js';
import { openInstaller } from './open-installer.js';
import { tellDaemon } from './tell-daemon.js';

/** Installs from sources, or, without one, what the lock says. A daemon that runs takes what changed. */
export async function installPlugins(
  cli: Cli,
  sources: readonly string[],
  options: InstallOptions & { readonly frozen?: true },
): Promise<readonly InstallResult[]> {
  const { installer, settings } = await openInstaller(cli, options, {
    grant: options.grant,
    mayAsk: options.json !== true,
  });
  const wish = { frozen: options.frozen === true, fresh: false };
  const results: InstallResult[] = [];
  if (sources.length === 0) {
    for (const id of Object.keys((await installer.lock()).plugins))
      results.push(await installer.installLocked(id, wish));
  }
  for (const spec of sources)
    results.push(await installer.install(await parseSource(spec, cli.cwd, settings.base), wish));
  if (results.some(({ status }) => status === 'built' || status === 'activated'))
    await tellDaemon(cli, settings.dataDir);
  return results;
}
