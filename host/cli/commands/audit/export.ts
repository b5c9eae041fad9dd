import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function auditExportCommand(cli: Cli): Command {
  return withPlaces(new Command('export'))
    .description('write the whole audit log as lines of JSON that `audit verify --file` verifies')
    .argument('[file]', 'default: standard output')
    .action(async (file: string | undefined, options: PlaceOptions) => {
      const { withApi } = await import('../../api-client.js');
      const { writeLines } = await import('../../write-lines.js');
      await withApi(cli, options, async (api) => {
        const lines = api.lines('/api/v1/audit/export', false);
        if (file === undefined) {
          for await (const line of lines) cli.out(`${line}\n`);
          return;
        }
        const count = await writeLines(resolve(cli.cwd, file), lines);
        cli.err(`${count} lines in ${file}\n`);
      });
    });
}
