import type { Command } from 'commander';

const HEAD = `# Command line

\`bulkhead\` is both the daemon and the tool that talks to it. In a clone of the repository it is
\`node host/dist/cli/main.js\`, after \`npm start\` or \`npm run build\`.

Answers go to standard output: tables for people, JSON with \`--json\`. Progress, warnings and errors go to standard error.
An error is printed as \`CODE: message\`, with one line for each problem; the codes are in [errors.md](errors.md).

| exit code | meaning |
| --- | --- |
| 0 | It did what was asked. |
| 1 | It failed, or found something wrong. |
| 2 | The command line is not right; nothing was done. |

A running daemon is reached over a socket in its data directory that only its owner can open. Signals to the daemon:
SIGTERM and SIGINT let what is in flight finish and stop it, a second one stops it at once, SIGHUP applies the configuration.
`;

/** docs/cli.md: every command with its arguments and options, as the program itself says them. */
export function renderCliDocs(program: Command): string {
  return [HEAD, ...leaves(program).map(renderCommand)].join('\n');
}

function leaves(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function renderCommand(command: Command): string {
  const help = command.createHelp();
  const rows = [
    ...help
      .visibleArguments(command)
      .map((argument) => [help.argumentTerm(argument), help.argumentDescription(argument)]),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .map((option) => [help.optionTerm(option), help.optionDescription(option)]),
  ];
  const table = rows.map(
    ([term = '', text = '']) => `| \`${term}\` | ${text.replaceAll('|', String.raw`\|`)} |`,
  );
  const parts = [`## ${pathOf(command)}\n`, `${sentence(command.description())}\n`];
  if (table.length > 0) parts.push(['| | |', '| --- | --- |', ...table, ''].join('\n'));
  return parts.join('\n');
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
