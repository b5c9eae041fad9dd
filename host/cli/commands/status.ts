import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../places.js';

export function statusCommand(cli: Cli): Command {
  return withPlaces(new Command('status'))
    .description('show what the running daemon does')
    .option('--json', 'print JSON')
    .action(async (options: PlaceOptions & { readonly json?: true }) => {
      const { connectToDaemon } = await import('../control-client.js');
      const { renderStatus } = await import('../render-status.js');
      const answer = await connectToDaemon(await dataDirOf(cli, options)).get('/status');
      cli.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : renderStatus(answer));
    });
}
