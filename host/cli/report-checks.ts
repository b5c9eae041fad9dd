import { formatProblem } from '../manifest/format-problem.js';
import { type Cli, ExitCode } from './cli.js';
import type { PackageReport } from './package-report.js';

/** Prints a report, a line a problem, and sets the exit code by it. */
export function reportChecks(cli: Cli, report: PackageReport, json: boolean): void {
  if (report.problems.length > 0) cli.exitWith(ExitCode.failed);
  if (json) {
    cli.out(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  for (const notice of report.notices) cli.out(`note: ${notice}\n`);
  for (const problem of report.problems) cli.out(`${formatProblem(problem)}\n`);
  const count = report.problems.length;
  const outcome = count === 0 ? 'no problem' : count === 1 ? 'one problem' : `${count} problems`;
  cli.out(`${report.name} in ${report.directory}: checked ${report.checked.join(', ')}: ${outcome}\n`);
}
