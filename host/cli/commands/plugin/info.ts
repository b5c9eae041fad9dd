import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../../places.js';

export function pluginInfoCommand(cli: Cli): Command {
  return withPlaces(new Command('info'))
    .description('show one plugin of the running daemon: state, health, processes, hooks')
    .argument('<name>', 'the plugin’s name in bulkhead.yaml')
    .option('--json', 'print JSON')
    .action(async (name: string, options: PlaceOptions & { readonly json?: true }) => {
      const { connectToDaemon } = await import('../../control-client.js');
      const { renderPlugin } = await import('../../render-plugin.js');
      const client = connectToDaemon(await dataDirOf(cli, options));
      const answer = await client.get(`/plugins/${encodeURIComponent(name)}`);
      cli.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : renderPlugin(answer));
    });
}
