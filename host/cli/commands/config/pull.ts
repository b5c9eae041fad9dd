import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { configFileOf, type PlaceOptions, withPlaces } from '../../places.js';

export function configPullCommand(cli: Cli): Command {
  return withPlaces(new Command('pull'))
    .description('print as YAML what was set by other means than a file, with who set it and when')
    .action(async (options: PlaceOptions) => {
      const { loadHostConfig } = await import('../../load.js');
      const { renderLayer } = await import('../../pull-config.js');
      const { readEntriesOnce, readStoredOnce } = await import('../../stored.js');
      let entries: Awaited<ReturnType<typeof readEntriesOnce>> = new Map();
      const { config } = await loadHostConfig(
        cli.env,
        { file: configFileOf(cli, options) },
        undefined,
        async (places) => {
          entries = await readEntriesOnce(places);
          return readStoredOnce(places);
        },
      );
      cli.out(renderLayer(entries, config.plugins));
    });
}
