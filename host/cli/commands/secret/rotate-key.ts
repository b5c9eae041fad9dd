import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

export function secretRotateKeyCommand(cli: Cli): Command {
  return withPlaces(new Command('rotate-key'))
    .description(
      'encrypt every secret, those inside objects and in what is set of the configuration too, anew: with the last key that the host holds, or with one that it makes',
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
      const count = (key: string, one: string, many: string): string => {
        const number = numberAt(rotated, key);
        return `${number} ${number === 1 ? one : many}`;
      };
      cli.out(
        `Encrypted with the key ${textAt(rotated, 'key_id')} of ${textAt(rotated, 'kept_in')}: ` +
          `${count('secrets', 'secret', 'secrets')}, what ${count('objects', 'object keeps', 'objects keep')} secret, ` +
          `and what is set of ${count('entries', 'entry', 'entries')} of the configuration.\n`,
      );
    });
}
