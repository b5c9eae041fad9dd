import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type InstallOptions, withInstallPlaces } from './install-options.js';

export function pluginBundleCommand(cli: Cli): Command {
  return withInstallPlaces(new Command('bundle'))
    .description('write one file with a plugin and its whole graph, which installs without a network')
    .argument('<plugin>', 'its id, name or package in the lock')
    .option('-o, --output <file>', 'default: <id>-<version>.bulkhead.tgz')
    .action(async (name: string, options: InstallOptions & { readonly output?: string }) => {
      const { entryOf, lockedId } = await import('../../../install/locked-entries.js');
      const { openInstaller } = await import('../../open-installer.js');
      const { installer } = await openInstaller(cli, options, { grant: [], mayAsk: false });
      const lock = await installer.lock();
      const id = lockedId(lock, name);
      const { version } = entryOf(lock, id);
      const file = resolve(cli.cwd, options.output ?? `${id}-${version}.bulkhead.tgz`);
      await installer.bundle(id, file);
      cli.out(options.json ? `${JSON.stringify({ id, version, file })}\n` : `${file}\n`);
    });
}
