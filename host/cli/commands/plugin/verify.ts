import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { configFileOf, type PlaceOptions, withPlaces } from '../../places.js';

export function pluginVerifyCommand(cli: Cli): Command {
  return withPlaces(new Command('verify'))
    .description(
      'verify an installed plugin: manifest, entry inside the package, owner and modes, compatibility',
    )
    .argument('<name>', 'the plugin’s name in bulkhead.yaml')
    .option('--json', 'print JSON')
    .action(async (name: string, options: PlaceOptions & { readonly json?: true }) => {
      const { verifyPlugin } = await import('../../verify-plugin.js');
      const { reportChecks } = await import('../../report-checks.js');
      const report = await verifyPlugin(cli.env, configFileOf(cli, options), name);
      reportChecks(cli, report, options.json === true);
    });
}
