import { resolve } from 'node:path';
import { Command } from 'commander';
import { type Cli, ExitCode } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

type VerifyOptions = PlaceOptions & { readonly file?: string; readonly json?: true };

export function auditVerifyCommand(cli: Cli): Command {
  return withPlaces(new Command('verify'))
    .description('walk every chain of the audit log, and say each place where one breaks')
    .option('--file <file>', 'verify what `audit export` wrote, without a store')
    .option('--json', 'print JSON')
    .action(async ({ file, json, ...places }: VerifyOptions) => {
      const { withProgress } = await import('../../progress.js');
      const { listAt } = await import('../../read.js');
      const { renderVerification } = await import('../../render-audit.js');
      const verified = await withProgress(
        cli,
        'Verifying the audit log',
        file === undefined ? fromStore(cli, places) : fromFile(resolve(cli.cwd, file)),
      );
      cli.out(json ? `${JSON.stringify(verified, null, 2)}\n` : renderVerification(verified));
      if (listAt(verified, 'breaks').length > 0) cli.exitWith(ExitCode.failed);
    });
}

async function fromStore(cli: Cli, places: PlaceOptions): Promise<unknown> {
  const { withApi } = await import('../../api-client.js');
  return withApi(cli, places, (api) => api.get('/api/v1/audit/verify'));
}

async function fromFile(file: string): Promise<unknown> {
  const { exportedSource } = await import('../../../telemetry/audit/export.js');
  const { verifyAudit } = await import('../../../telemetry/audit/verify.js');
  return verifyAudit(exportedSource(file));
}
