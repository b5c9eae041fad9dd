import { Command, Option } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

type CreateOptions = PlaceOptions & {
  readonly role: string;
  readonly expires: string;
  readonly json?: true;
};

export function tokenCreateCommand(cli: Cli): Command {
  return withPlaces(new Command('create'))
    .description('make a token; it is shown this once')
    .argument('<name>', 'what it is for; each token has another name')
    .addOption(
      new Option(
        '--role <role>',
        'metrics reads /metrics and nothing else; each other may do what the ones before may',
      )
        .choices(['metrics', 'viewer', 'operator', 'admin'])
        .makeOptionMandatory(),
    )
    .option('--expires <days>', 'days until it ends, or `never`', '90')
    .option('--json', 'print JSON')
    .action(async (name: string, { role, expires, json, ...places }: CreateOptions) => {
      const { withApi } = await import('../../api-client.js');
      const { textAt } = await import('../../read.js');
      const days = expires === 'never' ? null : Number(expires);
      const made = await withApi(cli, places, (api) =>
        api.post('/api/v1/tokens', { name, role, expires_in_days: days }),
      );
      if (json) {
        cli.out(`${JSON.stringify(made, null, 2)}\n`);
        return;
      }
      cli.err('The token, shown this once:\n');
      cli.out(`${textAt(made, 'token')}\n`);
    });
}
