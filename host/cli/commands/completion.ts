import { Argument, Command } from 'commander';
import type { Cli } from '../cli.js';

export function completionCommand(cli: Cli): Command {
  return new Command('completion')
    .description('print a completion script; for example: bulkhead completion bash >> ~/.bashrc')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: string, _options: unknown, self: Command) => {
      const { completionScript } = await import('../completion-script.js');
      cli.out(completionScript(shell, self.parent ?? self));
    });
}
