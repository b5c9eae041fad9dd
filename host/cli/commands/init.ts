import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../cli.js';

export function initCommand(cli: Cli): Command {
  return new Command('init')
    .description('write a commented bulkhead.yaml to begin with')
    .argument('[dir]', 'where', '.')
    .action(async (dir: string) => {
      const { writeStarterConfig } = await import('../starter-config.js');
      const file = await writeStarterConfig(resolve(cli.cwd, dir));
      cli.out(`Wrote ${file}.\nEdit it, then: bulkhead config check && bulkhead start\n`);
    });
}
