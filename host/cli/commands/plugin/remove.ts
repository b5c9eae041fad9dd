import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withInstallPlaces } from './install-options.js';

export function pluginRemoveCommand(cli: Cli): Command {
  return withInstallPlaces(new Command('remove'))
    .description('remove an installed plugin and its lock; its data directory stays')
    .argument('<plugin>', 'its id, name or package in the lock')
    .action(async (name: string, options: InstallOptions) => {
      const { lockedId } = await import('../../../install/locked-entries.js');
      const { openInstaller } = await import('../../open-installer.js');
      const { installer } = await openInstaller(cli, options, { grant: [], mayAsk: false });
      const id = lockedId(await installer.lock(), name);
      await installer.remove(id);
      cli.out(
        options.json
          ? `${JSON.stringify({ removed: id })}\n`
          : `${id} is removed. Take its entry out of bulkhead.yaml too; a daemon that runs keeps it until then.\n`,
      );
    });
}
