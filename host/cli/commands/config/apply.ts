import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../../places.js';

export function configApplyCommand(cli: Cli): Command {
  return withPlaces(new Command('apply'))
    .description('let the running daemon read its configuration again; an error changes nothing')
    .option('--json', 'print JSON')
    .action(async (options: PlaceOptions & { readonly json?: true }) => {
      const { connectToDaemon } = await import('../../control-client.js');
      const { withProgress } = await import('../../progress.js');
      const { renderApplied } = await import('../../render-applied.js');
      const client = connectToDaemon(await dataDirOf(cli, options));
      const answer = await withProgress(cli, 'Applying the configuration', client.post('/config/apply'));
      cli.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : renderApplied(answer));
    });
}
