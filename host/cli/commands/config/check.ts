import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { configFileOf, type PlaceOptions, withPlaces } from '../../places.js';
import { counted } from '../../counted.js';

export function configCheckCommand(cli: Cli): Command {
  return withPlaces(new Command('check'))
    .description('tell everything that is wrong with the configuration, and what is worth knowing')
    .option('--json', 'print JSON')
    .action(async (options: PlaceOptions & { readonly json?: true }) => {
      const { loadHostConfig } = await import('../../load.js');
      const { renderNotices } = await import('../../render-notices.js');
      const file = configFileOf(cli, options);
      const { config, files } = await loadHostConfig(cli.env, { file });
      if (options.json) {
        cli.out(`${JSON.stringify({ valid: true, files, notices: config.notices }, null, 2)}\n`);
        return;
      }
      cli.out(renderNotices(config.notices));
      cli.out(
        `${files.join(', ')}: valid. ${counted(config.plugins.length, 'plugin')}, ${counted(config.upstreams.length, 'upstream server')}, ` +
          `environment ${config.environment}.\n`,
      );
    });
}
