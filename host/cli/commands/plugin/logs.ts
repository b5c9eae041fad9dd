import { Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../../cli.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../../places.js';

const MAX_LINES = 1_000;

type LogsOptions = PlaceOptions & { readonly json?: true; readonly follow?: true; readonly lines: number };

export function pluginLogsCommand(cli: Cli): Command {
  return withPlaces(new Command('logs'))
    .description('show what a plugin logged last')
    .argument('<name>', 'the plugin’s name in bulkhead.yaml')
    .option('-n, --lines <count>', `how many lines, at most ${MAX_LINES}`, parseLines, 100)
    .option('-f, --follow', 'go on with each new line')
    .option('--json', 'print the lines as they were logged')
    .action(async (name: string, options: LogsOptions) => {
      const { connectToDaemon } = await import('../../control-client.js');
      const { prettyLine } = await import('../../../telemetry/pretty.js');
      const client = connectToDaemon(await dataDirOf(cli, options));
      const follow = options.follow === true;
      const path = `/plugins/${encodeURIComponent(name)}/logs?tail=${options.lines}&follow=${follow}`;
      for await (const line of client.lines(path, follow)) {
        cli.out(options.json ? `${line}\n` : prettyLine(line));
      }
    });
}

function parseLines(text: string): number {
  const lines = Number(text);
  if (Number.isInteger(lines) && lines >= 0 && lines <= MAX_LINES) return lines;
  throw new InvalidArgumentError(`Expected a whole number from 0 to ${MAX_LINES}.`);
}
