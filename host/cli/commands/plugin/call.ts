import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../../places.js';

export function pluginCallCommand(cli: Cli): Command {
  return withPlaces(new Command('call'))
    .description('call an RPC method of a running plugin, and print what it answers as JSON')
    .argument('<name>', 'the plugin’s name in bulkhead.yaml, or its id')
    .argument('<method>', 'the method')
    .argument('[json]', 'its input')
    .action(async (name: string, method: string, json: string | undefined, options: PlaceOptions) => {
      const { connectToDaemon } = await import('../../control-client.js');
      const client = connectToDaemon(await dataDirOf(cli, options));
      const path = `/plugin/${encodeURIComponent(name)}/rpc/${encodeURIComponent(method)}`;
      cli.out(`${JSON.stringify(await client.post(path, json), null, 2)}\n`);
    });
}
