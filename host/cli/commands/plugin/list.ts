import { isBulkheadError } from '@bulkhead/proto';
import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { configFileOf, dataDirOf, type PlaceOptions, withPlaces } from '../../places.js';

export function pluginListCommand(cli: Cli): Command {
  return withPlaces(new Command('list'))
    .description('list the configured plugins; with their states when the daemon runs')
    .option('--json', 'print JSON')
    .action(async (options: PlaceOptions & { readonly json?: true }) => {
      const { renderPlugins } = await import('../../render-status.js');
      const { listAt } = await import('../../read.js');
      const dataDir = await dataDirOf(cli, options);
      const answer = (await askDaemon(dataDir)) ?? (await readConfigured(cli, options));
      if (options.json) cli.out(`${JSON.stringify(answer, null, 2)}\n`);
      else cli.out(renderPlugins(listAt(answer, 'plugins')));
    });
}

/** undefined when no daemon runs. */
async function askDaemon(dataDir: string): Promise<unknown> {
  const { connectToDaemon } = await import('../../control-client.js');
  try {
    return await connectToDaemon(dataDir).get('/plugins');
  } catch (error) {
    if (isBulkheadError(error) && error.code === 'NOT_RUNNING') return undefined;
    throw error;
  }
}

async function readConfigured(cli: Cli, options: PlaceOptions): Promise<unknown> {
  const { describePlugin } = await import('../../../admin/plugin-status.js');
  const { loadHostConfig } = await import('../../load.js');
  const { config } = await loadHostConfig(cli.env, { file: configFileOf(cli, options) });
  cli.err('No daemon runs; this is what is configured.\n');
  return { plugins: config.plugins.map((plugin) => describePlugin(plugin, undefined)) };
}
