import { Command } from 'commander';
import { type Cli, ExitCode } from '../cli.js';
import { configFileOf, dataDirOf, type PlaceOptions, withPlaces } from '../places.js';

export function doctorCommand(cli: Cli): Command {
  return withPlaces(new Command('doctor'))
    .description('look at what this machine offers, and say why each finding matters and what mends it')
    .option('--json', 'print JSON')
    .action(async (options: PlaceOptions & { readonly json?: true }) => {
      const { examine } = await import('../doctor/examine.js');
      const { renderFindings } = await import('../doctor/render-findings.js');
      const findings = await examine({
        configFile: configFileOf(cli, options),
        dataDir: await dataDirOf(cli, options),
        env: cli.env,
      });
      cli.out(options.json ? `${JSON.stringify({ findings }, null, 2)}\n` : renderFindings(findings));
      if (findings.some(({ level }) => level === 'error')) cli.exitWith(ExitCode.failed);
    });
}
