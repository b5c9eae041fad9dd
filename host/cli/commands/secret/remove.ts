import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function secretRemoveCommand(cli: Cli): Command {
  return withPlaces(new Command('remove'))
    .description('remove a secret; a configuration that refers to it is no longer valid')
    .argument('<name>', 'its name')
    .action(async (name: string, places: PlaceOptions) => {
      const { withApi } = await import('../../api-client.js');
      await withApi(cli, places, (api) => api.delete(`/api/v1/secrets/${encodeURIComponent(name)}`));
      cli.out(`${name} is removed.\n`);
    });
}
