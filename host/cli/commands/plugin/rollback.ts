import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withGrant, withInstallPlaces } from './install-options.js';

export function pluginRollbackCommand(cli: Cli): Command {
  return withGrant(withInstallPlaces(new Command('rollback')))
    .description('go back to the version before; it is kept, so this is one swap')
    .argument('<plugin>', 'its id, name or package in the lock')
    .action(async (name: string, options: InstallOptions) => {
      const { lockedId } = await import('../../../install/locked-entries.js');
      const { openInstaller } = await import('../../open-installer.js');
      const { reportInstalled } = await import('../../report-installed.js');
      const { tellDaemon } = await import('../../tell-daemon.js');
      const { installer, settings } = await openInstaller(cli, options, {
        grant: options.grant,
        mayAsk: options.json !== true,
      });
      const result = await installer.rollback(lockedId(await installer.lock(), name));
      await tellDaemon(cli, settings.dataDir);
      reportInstalled(cli, [result], options.json === true);
    });
}
