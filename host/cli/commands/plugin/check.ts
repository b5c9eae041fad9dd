import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../../cli.js';

export function pluginCheckCommand(cli: Cli): Command {
  return new Command('check')
    .description('check a plugin’s package: manifest, entry, schemas; needs no daemon')
    .argument('<dir>', 'the package')
    .option('--json', 'print JSON')
    .action(async (dir: string, options: { readonly json?: true }) => {
      const { checkPackage } = await import('../../check-package.js');
      const { reportChecks } = await import('../../report-checks.js');
      reportChecks(cli, await checkPackage(resolve(cli.cwd, dir)), options.json === true);
    });
}
