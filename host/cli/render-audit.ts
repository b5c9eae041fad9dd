import { listAt, memberAt, numberAt, textAt } from './read.js';
import { renderTable } from './table.js';

/** A page of the audit log for people. */
export function renderAudit(page: unknown): string {
  const entries = listAt(page, 'entries');
  if (entries.length === 0) return 'Nothing of that kind is in the audit log.\n';
  const rows = entries.map((entry) => [
    textAt(entry, 'at'),
    `${textAt(memberAt(entry, 'actor'), 'kind')}:${textAt(memberAt(entry, 'actor'), 'id')}`,
    textAt(entry, 'action'),
    textAt(entry, 'target') || '-',
    textAt(entry, 'outcome'),
    [textAt(entry, 'code'), textAt(entry, 'reason')].filter((part) => part !== '').join(': '),
  ]);
  const table = renderTable(['AT', 'ACTOR', 'ACTION', 'TARGET', 'OUTCOME', 'WHY'], rows);
  return textAt(page, 'next_page_token') === ''
    ? table
    : `${table}There is more; raise --limit or narrow it down.\n`;
}

/** What a verification found, for people. */
export function renderVerification(verified: unknown): string {
  const rows = listAt(verified, 'chains').map((chain) => [
    textAt(chain, 'host'),
    String(numberAt(chain, 'entries')),
    `${numberAt(chain, 'first')} to ${numberAt(chain, 'last')}`,
    textAt(chain, 'public_key'),
  ]);
  const table = rows.length === 0 ? '' : `${renderTable(['HOST', 'ENTRIES', 'FROM', 'PUBLIC KEY'], rows)}\n`;
  const breaks = listAt(verified, 'breaks');
  if (breaks.length === 0) return `${table}The audit log is whole.\n`;
  const lines = breaks.map(
    (one) =>
      `host ${textAt(one, 'host')}, entry ${numberAt(one, 'seq')}: ${textAt(one, 'what')}: ${textAt(one, 'message')}\n`,
  );
  return `${table}The audit log is broken:\n${lines.join('')}`;
}
