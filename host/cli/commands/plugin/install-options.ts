import type { Command } from 'commander';
import type { InstallerPlaces } from '../../open-installer.js';
import { withPlaces } from '../../places.js';

/** Options of every command that changes what is installed. */
export interface InstallOptions extends InstallerPlaces {
  readonly grant: readonly string[];
  readonly json?: true;
}

export function withInstallPlaces(command: Command): Command {
  return withPlaces(command)
    .option('--plugins-dir <dir>', 'where plugins are installed; default: host.plugins_dir')
    .option('--cache-dir <dir>', 'what can be made again; default: host.cache_dir')
    .option('--json', 'print JSON');
}

export function withGrant(command: Command): Command {
  return command.option(
    '--grant <permission>',
    'grant what it asks for: a permission, `all`, or `none`; may be given more than once',
    (value: string, before: readonly string[]) => [...before, value],
    [],
  );
}
