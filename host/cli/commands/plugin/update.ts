import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withGrant, withInstallPlaces } from './install-options.js';

export function pluginUpdateCommand(cli: Cli): Command {
  return withGrant(withInstallPlaces(new Command('update')))
    .description('ask the sources of locked plugins again; one that asks for more waits for approval')
    .argument('[plugin...]', 'ids, names or packages in the lock; default: all')
    .action(async (names: readonly string[], options: InstallOptions) => {
      const { updatePlugins } = await import('../../update-plugins.js');
      const { reportInstalled } = await import('../../report-installed.js');
      reportInstalled(cli, await updatePlugins(cli, names, options), options.json === true);
    });
}
