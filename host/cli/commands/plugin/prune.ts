import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withInstallPlaces } from './install-options.js';
import { counted } from '../../counted.js';

export function pluginPruneCommand(cli: Cli): Command {
  return withInstallPlaces(new Command('prune'))
    .description('remove environments, packages and shared files that no locked plugin uses')
    .action(async (options: InstallOptions) => {
      const { openInstaller } = await import('../../open-installer.js');
      const { installer } = await openInstaller(cli, options, { grant: [], mayAsk: false });
      const report = await installer.prune();
      const { plugins, environments, cached } = report;
      cli.out(
        options.json
          ? `${JSON.stringify(report, null, 2)}\n`
          : `removed ${counted(plugins.length, 'plugin')}, ${counted(environments.length, 'environment')}, ${counted(cached, 'cached file')}\n`,
      );
    });
}
