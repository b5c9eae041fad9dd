import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { configApplyCommand } from './config/apply.js';
import { configCheckCommand } from './config/check.js';
import { configExplainCommand } from './config/explain.js';
import { configPullCommand } from './config/pull.js';
import { configSchemaCommand } from './config/schema.js';

export function configCommand(cli: Cli): Command {
  return new Command('config')
    .description('check, explain and apply the configuration')
    .addCommand(configCheckCommand(cli))
    .addCommand(configExplainCommand(cli))
    .addCommand(configApplyCommand(cli))
    .addCommand(configPullCommand(cli))
    .addCommand(configSchemaCommand(cli));
}
