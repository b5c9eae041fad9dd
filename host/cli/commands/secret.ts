import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { secretListCommand } from './secret/list.js';
import { secretRemoveCommand } from './secret/remove.js';
import { secretRotateKeyCommand } from './secret/rotate-key.js';
import { secretSetCommand } from './secret/set.js';

export function secretCommand(cli: Cli): Command {
  return new Command('secret')
    .description('keep named values, encrypted, that the configuration and plugins read')
    .addCommand(secretSetCommand(cli))
    .addCommand(secretListCommand(cli))
    .addCommand(secretRemoveCommand(cli))
    .addCommand(secretRotateKeyCommand(cli));
}
