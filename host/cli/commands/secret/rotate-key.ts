import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function secretRotateKeyCommand(cli: Cli): Command {
  return withPlaces(new Command('rotate-key'))
    .description(
      'encrypt every secret, and those inside objects, anew: with the last key that the host holds, or with one that it makes',
    )
    .option('--json', 'print JSON')
    .action(async ({ json, ...places }: PlaceOptions & { readonly json?: true }) => {
      const { withApi } = await import('../../api-client.js');
      const { numberAt, textAt } = await import('../../read.js');
      const rotated = await withApi(cli, places, (api) => api.post('/api/v1/secrets/rotate-key'));
      if (json) {
        cli.out(`${JSON.stringify(rotated, null, 2)}\n`);
        return;
      }
      const [secrets, objects] = [numberAt(rotated, 'secrets'), numberAt(rotated, 'objects')];
      const named = secrets === 1 ? 'One secret' : `${secrets} secrets`;
      const inside =
        objects === 0
          ? ''
          : ` and what ${objects === 1 ? 'one object keeps' : `${objects} objects keep`} secret`;
      cli.out(
        `${named}${inside} ${secrets === 1 && objects === 0 ? 'is' : 'are'} encrypted with the key ${textAt(rotated, 'key_id')} of ${textAt(rotated, 'kept_in')}.\n`,
      );
    });
}
