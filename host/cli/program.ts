import { Command } from 'commander';
import type { Cli } from './cli.js';
import { approvalsCommand } from './commands/approvals.js';
import { auditCommand } from './commands/audit.js';
import { benchCommand } from './commands/bench.js';
import { completionCommand } from './commands/completion.js';
import { configCommand } from './commands/config.js';
import { devCommand } from './commands/dev.js';
import { doctorCommand } from './commands/doctor.js';
import { initCommand } from './commands/init.js';
import { newCommand } from './commands/new.js';
import { packCommand } from './commands/pack.js';
import { pluginCommand } from './commands/plugin.js';
import { scheduleCommand } from './commands/schedule.js';
import { secretCommand } from './commands/secret.js';
import { startCommand } from './commands/start.js';
import { statusCommand } from './commands/status.js';
import { testCommand } from './commands/test.js';
import { tokenCommand } from './commands/token.js';
import { typesCommand } from './commands/write-types.js';
import { HOST_VERSION } from '../version.js';

/**
 * The command tree. Building it loads nothing but commander: a command imports what it works with when it runs, so
 * that help and completion are there at once.
 */
export function createProgram(cli: Cli): Command {
  return new Command('bulkhead')
    .description('Runs plugins for AI gateways, each in a process of its own.')
    .version(HOST_VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    .addCommand(initCommand(cli))
    .addCommand(startCommand(cli))
    .addCommand(statusCommand(cli))
    .addCommand(pluginCommand(cli))
    .addCommand(approvalsCommand(cli))
    .addCommand(scheduleCommand(cli))
    .addCommand(configCommand(cli))
    .addCommand(secretCommand(cli))
    .addCommand(tokenCommand(cli))
    .addCommand(auditCommand(cli))
    .addCommand(newCommand(cli))
    .addCommand(devCommand(cli))
    .addCommand(testCommand(cli))
    .addCommand(packCommand(cli))
    .addCommand(typesCommand(cli))
    .addCommand(doctorCommand(cli))
    .addCommand(benchCommand(cli))
    .addCommand(completionCommand(cli));
}
