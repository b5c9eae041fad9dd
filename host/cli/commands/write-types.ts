import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../cli.js';

export function typesCommand(cli: Cli): Command {
  return new Command('types')
    .description('write plugin.gen.d.ts, the types that follow from a plugin’s manifest')
    .argument('[dir]', 'the plugin’s package', '.')
    .action(async (dir: string) => {
      const { writeAuthorTypes } = await import('../write-author-types.js');
      cli.out(`${await writeAuthorTypes(resolve(cli.cwd, dir))}\n`);
    });
}
