import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function tokenRevokeCommand(cli: Cli): Command {
  return withPlaces(new Command('revoke'))
    .description('end a token, and the sessions that it opened, at once')
    .argument('<id>', 'its id, as `token list` shows it')
    .option('--json', 'print JSON')
    .action(async (id: string, { json, ...places }: PlaceOptions & { readonly json?: true }) => {
      const { withApi } = await import('../../api-client.js');
      const { textAt } = await import('../../read.js');
      const revoked = await withApi(cli, places, (api) =>
        api.delete(`/api/v1/tokens/${encodeURIComponent(id)}`),
      );
      cli.out(json ? `${JSON.stringify(revoked, null, 2)}\n` : `${textAt(revoked, 'name')} is revoked.\n`);
    });
}
