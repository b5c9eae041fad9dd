import { isNamed } from '../catalog/catalog.js';
import type { PluginsLock } from '../install/lock-file.js';
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
  if (sources.length > 0) hintAtEntries(cli, settings.wanted, results, await installer.lock());
  return results;
}

/** Installed is not configured: says so of plugins that would not run. */
function hintAtEntries(
  cli: Cli,
  wanted: readonly string[],
  results: readonly InstallResult[],
  { plugins }: PluginsLock,
): void {
  for (const { id, name } of results) {
    const pack = plugins[id]?.package;
    const names = [id, name, ...(pack === undefined ? [] : [pack])];
    if (wanted.some((called) => isNamed(called, names))) continue;
    cli.err(
      `No enabled entry of bulkhead.yaml runs ${id} yet. Add one, for example: plugins: { ${name}: {} }\n`,
    );
  }
}
