import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { sql } from 'kysely';
import type { Store } from '../../store/store.js';
import type { ChainEntry } from './chain.js';

/** Which entries; what is not there does not matter. */
export interface AuditFilter {
  /** Milliseconds since the Unix epoch; included. */
  readonly since?: number;
  /** Not included. */
  readonly until?: number;
  /** An id, or `kind:id`. */
  readonly actor?: string;
  /** An action, or its begin and `*`. */
  readonly action?: string;
  /** A target, or its begin and `*`. */
  readonly target?: string;
  readonly outcome?: string;
  readonly host?: string;
  readonly requestId?: string;
}

/** One entry as API and command line show it. */
export interface ShownAuditEntry {
  readonly host: string;
  readonly seq: number;
  readonly at: string;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly action: string;
  readonly target: string | null;
  readonly outcome: string;
  readonly code: string | null;
  readonly reason: string | null;
  readonly request_id: string | null;
  readonly details: unknown;
  readonly hash: string;
}

export interface AuditPage {
  readonly entries: readonly ShownAuditEntry[];
  /** Empty on the last page. */
  readonly next_page_token: string;
}

export const MAX_PAGE_ENTRIES = 1_000;

/**
 * Entries, the newest first.
 *
 * @throws INVALID_ARGUMENT for a page token that is none
 */
export async function listAudit(
  { db }: Store,
  filter: AuditFilter,
  page: { readonly size: number; readonly token?: string },
): Promise<AuditPage> {
  const size = Math.min(Math.max(1, page.size), MAX_PAGE_ENTRIES);
  let query = db.selectFrom('audit_log').selectAll();
  const { since, until, actor, action, target, outcome, host, requestId } = filter;
  if (since !== undefined) query = query.where('at', '>=', since);
  if (until !== undefined) query = query.where('at', '<', until);
  if (actor !== undefined) {
    const [, kind, id] = /^(cli|token|plugin|app|host):(.*)$/s.exec(actor) ?? [];
    query = query.where('actor_id', '=', id ?? actor);
    if (kind !== undefined) query = query.where('actor_kind', '=', kind);
  }
  if (outcome !== undefined) query = query.where('outcome', '=', outcome);
  if (host !== undefined) query = query.where('host', '=', host);
  if (requestId !== undefined) query = query.where('request_id', '=', requestId);
  for (const [column, wanted] of [
    ['action', action],
    ['target', target],
  ] as const) {
    if (wanted === undefined) continue;
    const begin = wanted.endsWith('*') ? wanted.slice(0, -1) : undefined;
    query =
      begin === undefined
        ? query.where(column, '=', wanted)
        : query.where(sql<boolean>`substr(${sql.ref(column)}, 1, ${begin.length}) = ${begin}`);
  }
  if (page.token !== undefined && page.token !== '') {
    const after = parseToken(page.token);
    query = query.where((where) =>
      where.or([
        where('at', '<', after.at),
        where.and([where('at', '=', after.at), where('host', '<', after.host)]),
        where.and([where('at', '=', after.at), where('host', '=', after.host), where('seq', '<', after.seq)]),
      ]),
    );
  }
  const rows = await query
    .orderBy('at', 'desc')
    .orderBy('host', 'desc')
    .orderBy('seq', 'desc')
    .limit(size + 1)
    .execute();
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  return {
    entries: shown.map(show),
    next_page_token: rows.length > size && last !== undefined ? tokenOf(last) : '',
  };
}

function show(row: ChainEntry): ShownAuditEntry {
  return {
    host: row.host,
    seq: row.seq,
    at: new Date(row.at).toISOString(),
    actor: { kind: row.actor_kind, id: row.actor_id },
    action: row.action,
    target: row.target,
    outcome: row.outcome,
    code: row.code,
    reason: row.reason,
    request_id: row.request_id,
    details: detailsOf(row.details),
    hash: row.hash,
  };
}

/** Somebody may have changed it, and then it is shown as it is. */
function detailsOf(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function tokenOf({ at, host, seq }: ChainEntry): string {
  return Buffer.from(JSON.stringify([at, host, seq])).toString('base64url');
}

function parseToken(token: string): { readonly at: number; readonly host: string; readonly seq: number } {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    const [at, host, seq] = Array.isArray(value) ? (value as readonly unknown[]) : [];
    if (typeof at === 'number' && typeof host === 'string' && typeof seq === 'number')
      return { at, host, seq };
  } catch {
    // Told below.
  }
  throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, 'expected a page token of an earlier answer', {
    field: 'page_token',
  });
}
