import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withGrant, withInstallPlaces } from './install-options.js';

export function pluginInstallCommand(cli: Cli): Command {
  return withGrant(withInstallPlaces(new Command('install')))
    .description('install plugins and lock them; alone: exactly what the lock says')
    .argument('[source...]', 'name@range, ./folder, file.tgz or file.bulkhead.tgz')
    .option('--frozen', 'refuse any difference from the lock; for CI')
    .action(async (sources: readonly string[], options: InstallOptions & { readonly frozen?: true }) => {
      const { installPlugins } = await import('../../install-plugins.js');
      const { reportInstalled } = await import('../../report-installed.js');
      reportInstalled(cli, await installPlugins(cli, sources, options), options.json === true);
    });
}
