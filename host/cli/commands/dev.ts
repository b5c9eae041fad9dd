import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../cli.js';

export function devCommand(cli: Cli): Command {
  return new Command('dev')
    .description('run one plugin alone; build and start it anew on each save, and show the calls')
    .argument('[dir]', 'the plugin’s package', '.')
    .option('--plugin-config <file>', 'the plugin’s configuration, YAML or JSON; default: its defaults')
    .action(async (dir: string, options: { readonly pluginConfig?: string }) => {
      const { startDev } = await import('../author/dev.js');
      const { readPluginConfig } = await import('../author/plugin-config-file.js');
      const { systemClock } = await import('../../clock.js');
      const { pluginConfig } = options;
      const session = await startDev(cli, {
        directory: resolve(cli.cwd, dir),
        pluginConfig: await readPluginConfig(
          pluginConfig === undefined ? undefined : resolve(cli.cwd, pluginConfig),
        ),
        clock: systemClock,
      });
      await new Promise<void>((done) => {
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
          process.once(signal, () => {
            done();
          });
        }
      });
      await session.stop();
    });
}
