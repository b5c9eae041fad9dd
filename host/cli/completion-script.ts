import type { Command } from 'commander';

/** One place in the command tree and the words that may stand next. */
interface Place {
  /** Commands so far, without the program's own name. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly name: string; readonly description: string }[];
}

/** A completion script for one shell, made from the command tree. */
export function completionScript(shell: string, program: Command): string {
  const places = listPlaces(program, '');
  const name = program.name();
  switch (shell) {
    case 'fish':
      return fish(name, places);
    case 'zsh':
      return `#compdef ${name}\nautoload -U +X bashcompinit && bashcompinit\n${bash(name, places)}`;
    default:
      return bash(name, places);
  }
}

function listPlaces(command: Command, path: string): readonly Place[] {
  const commands = command.commands.map((child) => ({
    name: child.name(),
    description: child.description(),
  }));
  const options = command.createHelp().visibleOptions(command);
  return [
    {
      path,
      commands,
      options: options.flatMap(({ long, description }) => (long ? [{ name: long, description }] : [])),
    },
    ...command.commands.flatMap((child) => listPlaces(child, `${path} ${child.name()}`.trim())),
  ];
}

/** Words up to the cursor that are no options name the place; files are offered where nothing else fits. */
function bash(name: string, places: readonly Place[]): string {
  const cases = places.map(({ path, commands, options }) => {
    const words = [...commands, ...options].map((word) => word.name).join(' ');
    return `    '${path}') words='${words}' ;;`;
  });
  return `_${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _${name} ${name}
`;
}

function fish(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const condition = path === '' ? '__fish_use_subcommand' : seen(path, commands);
    return [
      ...commands.map(
        (word) => `complete -c ${name} -n '${condition}' -f -a ${word.name} -d ${quote(word.description)}`,
      ),
      ...options.map(
        (word) =>
          `complete -c ${name} -n '${condition}' -l ${word.name.slice(2)} -d ${quote(word.description)}`,
      ),
    ];
  });
  return `${lines.join('\n')}\n`;
}

/** The place's own commands were typed and none of those below it. */
function seen(path: string, below: Place['commands']): string {
  const typed = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  const open =
    below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.map(({ name }) => name).join(' ')}`];
  return [...typed, ...open].join('; and ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`\'`)}'`;
}
