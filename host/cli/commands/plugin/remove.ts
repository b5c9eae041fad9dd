import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withInstallPlaces } from './install-options.js';

export function pluginRemoveCommand(cli: Cli): Command {
  return withInstallPlaces(new Command('remove'))
    .description('remove an installed plugin and its lock; its data directory stays')
    .argument('<id>', 'its id in the lock')
    .action(async (id: string, options: InstallOptions) => {
      const { openInstaller } = await import('../../open-installer.js');
      const { installer } = await openInstaller(cli, options, { grant: [], mayAsk: false });
      await installer.remove(id);
      cli.out(
        options.json
          ? `${JSON.stringify({ removed: id })}\n`
          : `${id} is removed. Take its entry out of bulkhead.yaml too.\n`,
      );
    });
}
