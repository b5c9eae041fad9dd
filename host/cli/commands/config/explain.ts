import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { configFileOf, type PlaceOptions, withPlaces } from '../../places.js';

export function configExplainCommand(cli: Cli): Command {
  return withPlaces(new Command('explain'))
    .description('print every effective value of a plugin with the file and line it came from')
    .argument('<plugin>', 'the plugin’s name in bulkhead.yaml')
    .option('--json', 'print JSON')
    .action(async (name: string, options: PlaceOptions & { readonly json?: true }) => {
      const { explainPlugin } = await import('../../../config/explain.js');
      const { loadHostConfig } = await import('../../load.js');
      const { renderTable } = await import('../../table.js');
      const values = explainPlugin(await loadHostConfig(cli.env, { file: configFileOf(cli, options) }), name);
      if (options.json) {
        cli.out(`${JSON.stringify({ values }, null, 2)}\n`);
        return;
      }
      const rows = values.map(({ key, value, origin: { layer, file, line, by, at } }) => [
        key,
        value,
        file === undefined
          ? [layer, by, at].filter((part) => part !== undefined).join(', ')
          : [file, line].filter((part) => part !== undefined).join(':'),
      ]);
      cli.out(renderTable(['KEY', 'VALUE', 'FROM'], rows));
    });
}
