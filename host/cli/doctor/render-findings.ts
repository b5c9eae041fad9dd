import type { Finding } from './finding.js';

const MARKS = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' } as const;

/** Findings for people: one line each, then why and how to mend it. */
export function renderFindings(findings: readonly Finding[]): string {
  const blocks = findings.map(({ check, level, found, why, fix }) =>
    [
      `${MARKS[level]}  ${check}: ${found}`,
      ...(why === undefined ? [] : [`         why: ${why}`]),
      ...(fix === undefined ? [] : [`         fix: ${fix}`]),
    ].join('\n'),
  );
  const count = (level: Finding['level']): number =>
    findings.filter((finding) => finding.level === level).length;
  return `${blocks.join('\n')}\n\n${count('error')} errors, ${count('warning')} warnings, ${count('ok')} fine\n`;
}
