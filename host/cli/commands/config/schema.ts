import { Command } from 'commander';
import type { Cli } from '../../cli.js';

export function configSchemaCommand(cli: Cli): Command {
  return new Command('schema')
    .description('print the JSON Schema of bulkhead.yaml, for editors')
    .action(async () => {
      const { BULKHEAD_SCHEMA } = await import('../../../config/bulkhead-schema.js');
      cli.out(`${JSON.stringify(BULKHEAD_SCHEMA, null, 2)}\n`);
    });
}
