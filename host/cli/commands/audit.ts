import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { auditExportCommand } from './audit/export.js';
import { auditListCommand } from './audit/list.js';
import { auditVerifyCommand } from './audit/verify.js';

export function auditCommand(cli: Cli): Command {
  return new Command('audit')
    .description('read and verify the audit log')
    .addCommand(auditListCommand(cli))
    .addCommand(auditVerifyCommand(cli))
    .addCommand(auditExportCommand(cli));
}
