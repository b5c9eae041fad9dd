import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { configFileOf, type PlaceOptions, withPlaces } from '../../places.js';

type GrantsOptions = PlaceOptions & {
  readonly grant: readonly string[];
  readonly revoke: readonly string[];
  readonly json?: true;
};

export function pluginGrantsCommand(cli: Cli): Command {
  return withPlaces(new Command('grants'))
    .description('show what a plugin may do, and decide it')
    .argument('<plugin>', 'its id, or its name in bulkhead.yaml')
    .option('--grant <permission>', 'grant it, or `all`, or `none`; may be given more than once', collect, [])
    .option('--revoke <permission>', 'take it back, or `all`; may be given more than once', collect, [])
    .option('--json', 'print JSON')
    .action(async (name: string, { grant, revoke, json, ...places }: GrantsOptions) => {
      const { decidePluginGrants } = await import('../../plugin-grants.js');
      const { renderPluginGrants } = await import('../../render-plugin-grants.js');
      const shown = await decidePluginGrants(cli, configFileOf(cli, places), {
        name,
        dataDir: places.dataDir,
        grant,
        revoke,
        mayAsk: json !== true,
      });
      cli.out(json ? `${JSON.stringify(shown, null, 2)}\n` : renderPluginGrants(shown));
    });
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
