import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { formatProblem, sortProblems } from '../manifest/format-problem.js';

/** All that is wrong with a configuration, as one error. */
export function configInvalid(
  what: string,
  found: BulkheadError['problems'],
  files: readonly string[] = [what],
): BulkheadError {
  const problems = sortProblems(found, files);
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`).join('\n');
  return new BulkheadError(ErrorCode.CONFIG_INVALID, `${what} has ${count}:\n${lines}`, { problems });
}
