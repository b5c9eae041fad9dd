import { resolve } from 'node:path';
import { Command } from 'commander';
import { type Cli, ExitCode } from '../cli.js';

interface TestOptions {
  readonly pluginConfig?: string;
  readonly json?: true;
}

export function testCommand(cli: Cli): Command {
  return new Command('test')
    .description('build a plugin, run its tests, check its package, and start it once')
    .argument('[dir]', 'the plugin’s package', '.')
    .option(
      '--plugin-config <file>',
      'the plugin’s configuration for the start, YAML or JSON; default: its defaults',
    )
    .option('--json', 'print JSON')
    .action(async (dir: string, { pluginConfig, json }: TestOptions) => {
      const { testPackage } = await import('../author/test-plugin.js');
      const { readPluginConfig } = await import('../author/plugin-config-file.js');
      const { reportChecks } = await import('../report-checks.js');
      const { systemClock } = await import('../../clock.js');
      const outcome = await testPackage(cli, {
        directory: resolve(cli.cwd, dir),
        pluginConfig: await readPluginConfig(
          pluginConfig === undefined ? undefined : resolve(cli.cwd, pluginConfig),
        ),
        clock: systemClock,
      });
      if (outcome.kind === 'checked') {
        reportChecks(cli, outcome.report, json === true);
        return;
      }
      cli.exitWith(ExitCode.failed);
      cli.out(json ? `${JSON.stringify(outcome, null, 2)}\n` : `${outcome.kind}: ${outcome.why}\n`);
    });
}
