import { Command } from 'commander';
import type { Cli } from '../../cli.js';

export function configSchemaCommand(cli: Cli): Command {
  return new Command('schema')
    .description('print the JSON Schema of bulkhead.yaml, for editors')
    .action(async () => {
      const { configSchema } = await import('../../../config/bulkhead-schema.js');
      cli.out(configSchema());
    });
}
