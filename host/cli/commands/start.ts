import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { configFileOf, type PlaceOptions, withPlaces } from '../places.js';

type StartOptions = PlaceOptions & {
  readonly pluginsDir?: string;
  readonly cacheDir?: string;
  readonly watch?: true;
};

export function startCommand(cli: Cli): Command {
  return withPlaces(new Command('start'))
    .description('run the daemon until it is told to stop')
    .option('--plugins-dir <dir>', 'where plugins are installed; default: host.plugins_dir')
    .option('--cache-dir <dir>', 'what can be made again; default: host.cache_dir')
    .option('--watch', 'apply the configuration whenever its files change (development)')
    .action(async (options: StartOptions) => {
      const { serve } = await import('../serve.js');
      const { dataDir, pluginsDir, cacheDir } = options;
      const overrides = Object.fromEntries(
        Object.entries({ dataDir, pluginsDir, cacheDir }).flatMap(([key, value]) =>
          value === undefined ? [] : [[key, resolve(cli.cwd, value)]],
        ),
      );
      await serve(cli, { file: configFileOf(cli, options), overrides, watch: options.watch === true });
    });
}
