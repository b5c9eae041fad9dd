import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Cli } from './cli.js';

/**
 * The value that somebody pipes in or types. It is never an argument: others on the machine see those, and shells keep them.
 *
 * @throws USAGE when nothing came
 */
export async function readSecretValue(cli: Cli, name: string): Promise<string> {
  const given = (await cli.input?.()) ?? (await cli.askSecret?.(`Value of ${name}: `)) ?? '';
  // `echo` and editors end a line; one that belongs to the value is written twice.
  const value = given.replace(/\r?\n$/, '');
  if (value !== '') return value;
  throw new BulkheadError(
    ErrorCode.USAGE,
    `expected the value of '${name}' on standard input, got nothing; for example: printf %s "$VALUE" | bulkhead secret set ${name}`,
  );
}
