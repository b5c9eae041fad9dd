import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { pluginActionCommand } from './plugin/action.js';
import { pluginCheckCommand } from './plugin/check.js';
import { pluginGrantsCommand } from './plugin/grants.js';
import { pluginInfoCommand } from './plugin/info.js';
import { pluginListCommand } from './plugin/list.js';
import { pluginLogsCommand } from './plugin/logs.js';
import { pluginVerifyCommand } from './plugin/verify.js';

export function pluginCommand(cli: Cli): Command {
  return new Command('plugin')
    .description('look at plugins, check them, and act on those that run')
    .addCommand(pluginListCommand(cli))
    .addCommand(pluginInfoCommand(cli))
    .addCommand(pluginLogsCommand(cli))
    .addCommand(pluginGrantsCommand(cli))
    .addCommand(pluginActionCommand(cli, 'reload'))
    .addCommand(pluginActionCommand(cli, 'enable'))
    .addCommand(pluginActionCommand(cli, 'disable'))
    .addCommand(pluginActionCommand(cli, 'reset'))
    .addCommand(pluginCheckCommand(cli))
    .addCommand(pluginVerifyCommand(cli));
}
