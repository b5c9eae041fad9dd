import { listAt, textAt } from './read.js';
import { renderTable } from './table.js';
import { visible } from './visible.js';

const MAX_ARGS_CHARS = 60;
const HEADER = ['id', 'state', 'tool', 'runs', 'caller', 'created', 'arguments'];

/** What `GET /api/v1/approvals` answered, for people. */
export function renderApprovals(answer: unknown): string {
  const approvals = listAt(answer, 'approvals');
  if (approvals.length === 0) return 'Nothing waits for approval.\n';
  const rows = approvals.map((approval) => [
    textAt(approval, 'id'),
    textAt(approval, 'state'),
    textAt(approval, 'tool'),
    textAt(approval, 'runs'),
    textAt(approval, 'caller'),
    textAt(approval, 'created_at'),
    shorten(textAt(approval, 'args')),
  ]);
  return renderTable(
    HEADER,
    rows.map((row) => row.map(visible)),
  );
}

function shorten(text: string): string {
  return text.length > MAX_ARGS_CHARS ? `${text.slice(0, MAX_ARGS_CHARS)}…` : text;
}
