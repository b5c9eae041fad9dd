import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function secretSetCommand(cli: Cli): Command {
  return withPlaces(new Command('set'))
    .description('give a secret its value, read from standard input or asked for without an echo')
    .argument('<name>', 'what `${secret:<name>}` says')
    .option('--json', 'print JSON')
    .action(async (name: string, { json, ...places }: PlaceOptions & { readonly json?: true }) => {
      const { withApi } = await import('../../api-client.js');
      const { numberAt } = await import('../../read.js');
      const { readSecretValue } = await import('../../secret-value.js');
      const value = await readSecretValue(cli, name);
      const set = await withApi(cli, places, (api) =>
        api.put(`/api/v1/secrets/${encodeURIComponent(name)}`, { value }),
      );
      cli.out(
        json ? `${JSON.stringify(set, null, 2)}\n` : `${name} is set, version ${numberAt(set, 'version')}.\n`,
      );
    });
}
