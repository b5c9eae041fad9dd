import { type Command, CommanderError } from 'commander';
import { type Cli, ExitCode } from './cli.js';
import { printFailure } from './failure.js';
import { createProgram } from './program.js';

/** Ends that commander reports as errors and that are what was asked for. */
const NO_ERRORS: ReadonlySet<string> = new Set(['commander.helpDisplayed', 'commander.version']);

/** Runs one command line (without program and script). Never rejects; the outcome is the exit code. */
export async function run(cli: Cli, args: readonly string[]): Promise<void> {
  const program = createProgram(cli);
  configure(program, cli);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) printFailure(cli, error);
    else if (!NO_ERRORS.has(error.code)) cli.exitWith(ExitCode.usage);
  }
}

/** Commander's settings are per command. */
function configure(command: Command, cli: Cli): void {
  command
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError(`(see ${pathOf(command)} --help)`)
    .configureOutput({ writeOut: cli.out, writeErr: cli.err });
  for (const child of command.commands) configure(child, cli);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
