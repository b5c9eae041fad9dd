import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { pluginActionCommand } from './plugin/action.js';
import { pluginBundleCommand } from './plugin/bundle.js';
import { pluginCallCommand } from './plugin/call.js';
import { pluginCheckCommand } from './plugin/check.js';
import { pluginGrantsCommand } from './plugin/grants.js';
import { pluginInfoCommand } from './plugin/info.js';
import { pluginInstallCommand } from './plugin/install.js';
import { pluginListCommand } from './plugin/list.js';
import { pluginLockCommand } from './plugin/lock.js';
import { pluginLogsCommand } from './plugin/logs.js';
import { pluginPruneCommand } from './plugin/prune.js';
import { pluginRemoveCommand } from './plugin/remove.js';
import { pluginRollbackCommand } from './plugin/rollback.js';
import { pluginUpdateCommand } from './plugin/update.js';
import { pluginVerifyCommand } from './plugin/verify.js';

export function pluginCommand(cli: Cli): Command {
  return new Command('plugin')
    .description('install plugins, look at them, check them, and act on those that run')
    .addCommand(pluginListCommand(cli))
    .addCommand(pluginInfoCommand(cli))
    .addCommand(pluginLogsCommand(cli))
    .addCommand(pluginGrantsCommand(cli))
    .addCommand(pluginCallCommand(cli))
    .addCommand(pluginActionCommand(cli, 'reload'))
    .addCommand(pluginActionCommand(cli, 'enable'))
    .addCommand(pluginActionCommand(cli, 'disable'))
    .addCommand(pluginActionCommand(cli, 'reset'))
    .addCommand(pluginInstallCommand(cli))
    .addCommand(pluginUpdateCommand(cli))
    .addCommand(pluginRollbackCommand(cli))
    .addCommand(pluginRemoveCommand(cli))
    .addCommand(pluginPruneCommand(cli))
    .addCommand(pluginBundleCommand(cli))
    .addCommand(pluginCheckCommand(cli))
    .addCommand(pluginVerifyCommand(cli))
    .addCommand(pluginLockCommand(cli));
}
