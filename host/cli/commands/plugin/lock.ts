import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { counted } from '../../counted.js';

export function pluginLockCommand(cli: Cli): Command {
  return new Command('lock')
    .description('pin a plugin directory that you placed by hand: writes its plugin.lock.json')
    .argument('<dir>', 'the directory, as an entry of bulkhead.yaml names it')
    .option('--source <text>', 'where it came from, for people; default: its package and version')
    .option('--json', 'print JSON')
    .action(async (dir: string, options: { readonly source?: string; readonly json?: true }) => {
      const { lockPlacedPlugin } = await import('../../../install/placed-plugin.js');
      const result = await lockPlacedPlugin(resolve(cli.cwd, dir), options.source);
      const { id, version, status, file, files } = result;
      const said = status === 'current' ? 'as it is locked' : 'locked';
      cli.out(
        options.json
          ? `${JSON.stringify(result, null, 2)}\n`
          : `${id} ${version}: ${said}, ${counted(files, 'file')} in ${file}\n`,
      );
    });
}
