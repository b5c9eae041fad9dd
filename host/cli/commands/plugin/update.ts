import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withGrant, withInstallPlaces } from './install-options.js';

export function pluginUpdateCommand(cli: Cli): Command {
  return withGrant(withInstallPlaces(new Command('update')))
    .description('ask the sources of locked plugins again; one that asks for more waits for approval')
    .argument('[id...]', 'ids in the lock; default: all')
    .action(async (ids: readonly string[], options: InstallOptions) => {
      const { updatePlugins } = await import('../../update-plugins.js');
      const { reportInstalled } = await import('../../report-installed.js');
      reportInstalled(cli, await updatePlugins(cli, ids, options), options.json === true);
    });
}
