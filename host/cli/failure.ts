import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { formatProblem } from '../manifest/format-problem.js';
import { type Cli, ExitCode } from './cli.js';

/** Tells a person what went wrong: code and message, then every problem with its place. */
export function printFailure(cli: Cli, thrown: unknown): void {
  const error = BulkheadError.from(thrown);
  // An error with problems may carry them in its message too, after the first line.
  const message = error.problems.length > 0 ? (error.message.split('\n')[0] ?? '') : error.message;
  cli.err(`${error.code}: ${message}\n`);
  for (const problem of error.problems) cli.err(`  ${formatProblem(problem)}\n`);
  if (error.code === ErrorCode.INTERNAL && error.cause instanceof Error)
    cli.err(`${error.cause.stack ?? ''}\n`);
  cli.exitWith(error.code === ErrorCode.USAGE ? ExitCode.usage : ExitCode.failed);
}
