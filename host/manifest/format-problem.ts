import type { Problem } from '@bulkhead/proto';

/** `bulkhead.yaml:12: plugins.pii_filter.mode: expected … [CONFIG_INVALID]` */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line].filter((part) => part !== undefined).join(':');
  const parts = [place, problem.path ?? '', problem.message].filter((part) => part !== '');
  return `${parts.join(': ')} [${problem.code}]`;
}
