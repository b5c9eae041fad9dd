import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { tokenCreateCommand } from './token/create.js';
import { tokenListCommand } from './token/list.js';
import { tokenRevokeCommand } from './token/revoke.js';

export function tokenCommand(cli: Cli): Command {
  return new Command('token')
    .description('make, list and revoke tokens of the control plane')
    .addCommand(tokenCreateCommand(cli))
    .addCommand(tokenListCommand(cli))
    .addCommand(tokenRevokeCommand(cli));
}
