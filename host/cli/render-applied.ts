import { listAt, textAt } from './read.js';

/** What applying a configuration did, for people. */
export function renderApplied(report: unknown): string {
  const lines = (['started', 'stopped', 'reloaded', 'updated', 'sections'] as const).flatMap((key) => {
    const names = listAt(report, key).join(', ');
    return names === '' ? [] : [`${key}: ${names}`];
  });
  const failed = listAt(report, 'failed').map(
    (item) => `FAILED ${textAt(item, 'name')}: ${textAt(item, 'reason')}`,
  );
  const later = listAt(report, 'needs_restart').map(
    (key) => `${String(key)}: takes effect at the next start`,
  );
  const all = [...lines, ...failed, ...later];
  return `${all.length === 0 ? 'Nothing changed.' : all.join('\n')}\n`;
}
