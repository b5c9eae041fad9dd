import type { Problem } from '@bulkhead/proto';

/** `bulkhead.yaml:12: plugins.pii_filter.mode: expected … [CONFIG_INVALID]` */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line].filter((part) => part !== undefined).join(':');
  const parts = [place, problem.path ?? '', problem.message].filter((part) => part !== '');
  return `${parts.join(': ')} [${problem.code}]`;
}

/** In the order of their files as given, and of the lines in them; what has no line comes first. */
export function sortProblems(
  problems: readonly Problem[],
  files: readonly string[] = [],
): readonly Problem[] {
  const rank = (problem: Problem): number =>
    problem.file === undefined ? -1 : (files.indexOf(problem.file) + files.length + 1) % (files.length + 1);
  return [...problems].sort(
    (a, b) =>
      rank(a) - rank(b) || (a.file ?? '').localeCompare(b.file ?? '') || (a.line ?? 0) - (b.line ?? 0),
  );
}
