import { type Cli, ExitCode } from './cli.js';
import type { InstallResult } from '../install/install-result.js';

/** Prints what became of each plugin; one that waits for approval is no success. */
export function reportInstalled(cli: Cli, results: readonly InstallResult[], json: boolean): void {
  if (results.some(({ status }) => status === 'waiting')) cli.exitWith(ExitCode.failed);
  if (json) {
    cli.out(`${JSON.stringify({ plugins: results }, null, 2)}\n`);
    return;
  }
  for (const result of results) cli.out(`${describe(result)}\n`);
  if (results.length === 0) cli.out('The lock names no plugin.\n');
}

function describe({
  id,
  version,
  status,
  path,
  previous,
  packages,
  permissions,
  reason,
}: InstallResult): string {
  const graph =
    packages === 0 ? 'no dependencies' : `${packages} ${packages === 1 ? 'dependency' : 'dependencies'}`;
  const from = previous === undefined || previous === version ? '' : ` (was ${previous})`;
  switch (status) {
    case 'current':
      return `${id} ${version}: up to date in ${path}`;
    case 'activated':
      return `${id} ${version}${from}: current now, in ${path}`;
    case 'built':
      return `${id} ${version}${from}: installed with ${graph} in ${path}; asks for ${permissions.join(', ') || 'nothing'}`;
    case 'waiting':
      return `${id} ${version}: waits for approval; ${previous ?? 'the version before it'} serves on. Approve it: bulkhead plugin update ${id}, with what you grant.\n${reason ?? ''}`;
  }
}
