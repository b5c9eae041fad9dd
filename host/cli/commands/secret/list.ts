import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function secretListCommand(cli: Cli): Command {
  return withPlaces(new Command('list'))
    .description('show the names of the secrets, never their values')
    .option('--json', 'print JSON')
    .action(async ({ json, ...places }: PlaceOptions & { readonly json?: true }) => {
      const { withApi } = await import('../../api-client.js');
      const { listAt, numberAt, textAt } = await import('../../read.js');
      const { renderTable } = await import('../../table.js');
      const answer = await withApi(cli, places, (api) => api.get('/api/v1/secrets'));
      if (json) {
        cli.out(`${JSON.stringify(answer, null, 2)}\n`);
        return;
      }
      const rows = listAt(answer, 'secrets').map((secret) => [
        textAt(secret, 'name'),
        String(numberAt(secret, 'version')),
        textAt(secret, 'updated_at'),
        textAt(secret, 'updated_by'),
      ]);
      cli.out(
        rows.length === 0
          ? 'There is no secret. `bulkhead secret set <name>` makes one.\n'
          : renderTable(['NAME', 'VERSION', 'CHANGED', 'BY'], rows),
      );
    });
}
