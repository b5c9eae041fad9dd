import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function tokenListCommand(cli: Cli): Command {
  return withPlaces(new Command('list'))
    .description('show the tokens of the control plane, without their secrets')
    .option('--json', 'print JSON')
    .action(async ({ json, ...places }: PlaceOptions & { readonly json?: true }) => {
      const { withApi } = await import('../../api-client.js');
      const { listAt, textAt } = await import('../../read.js');
      const { renderTable } = await import('../../table.js');
      const answer = await withApi(cli, places, (api) => api.get('/api/v1/tokens'));
      if (json) {
        cli.out(`${JSON.stringify(answer, null, 2)}\n`);
        return;
      }
      const rows = listAt(answer, 'tokens').map((token) => [
        textAt(token, 'id'),
        textAt(token, 'name'),
        textAt(token, 'role'),
        textAt(token, 'state'),
        textAt(token, 'expires_at') || 'never',
        textAt(token, 'created_by'),
      ]);
      cli.out(
        rows.length === 0
          ? 'There is no token. `bulkhead token create` makes one.\n'
          : renderTable(['ID', 'NAME', 'ROLE', 'STATE', 'EXPIRES', 'MADE BY'], rows),
      );
    });
}
