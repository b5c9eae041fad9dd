import { createHash } from 'node:crypto';
import type {
  AuditCheckpointsTable,
  AuditContent,
  AuditHeadsTable,
  AuditLogTable,
} from '../../store/tables/audit.js';
import type { AuditEntry } from '../audit.js';
import { redact } from '../redact.js';

export type ChainEntry = AuditLogTable;
export type ChainHead = AuditHeadsTable;
export type Checkpoint = AuditCheckpointsTable;

/** Where a chain stands. */
export interface ChainPlace {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first entry. */
export const CHAIN_START: ChainPlace = { seq: 0, hash: '0'.repeat(64) };

const MAX_NAME_CHARS = 500;
const MAX_REASON_CHARS = 2_000;
const MAX_DETAILS_CHARS = 8_000;

/** An entry as it is kept: bounded, without secrets, in texts that every store takes. */
export function contentOf(
  entry: AuditEntry,
  at: number,
  redactText: (text: string) => string = asItIs,
): AuditContent {
  const text = (value: string | undefined, max: number): string | null =>
    value === undefined ? null : plain(redactText(value), max);
  const details = entry.details === undefined ? undefined : JSON.stringify(redact(entry.details));
  return {
    at,
    actor_kind: entry.actor.kind,
    actor_id: plain(entry.actor.id, MAX_NAME_CHARS),
    action: plain(entry.action, MAX_NAME_CHARS),
    target: text(entry.target, MAX_NAME_CHARS),
    outcome: entry.outcome,
    code: text(entry.code, MAX_NAME_CHARS),
    reason: text(entry.reason, MAX_REASON_CHARS),
    request_id: text(entry.requestId, MAX_NAME_CHARS),
    details:
      details !== undefined && details.length > MAX_DETAILS_CHARS
        ? JSON.stringify({ left_out: `${details.length} characters` })
        : text(details, MAX_DETAILS_CHARS),
  };
}

function asItIs(text: string): string {
  return text;
}

/** PostgreSQL takes neither NUL nor half a character. */
function plain(text: string, max: number): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The entry that follows `before` in a host's chain. */
export function chained(host: string, before: ChainPlace, content: AuditContent): ChainEntry {
  const entry = { host, seq: before.seq + 1, prev: before.hash, ...content };
  return { ...entry, hash: hashOf(entry) };
}

/** SHA-256 over everything that the entry says, its place and the hash before it: a JSON list with a fixed order. */
export function hashOf(entry: Omit<ChainEntry, 'hash'>): string {
  const canonical = [
    'bulkhead-audit-1',
    entry.host,
    entry.seq,
    entry.prev,
    entry.at,
    entry.actor_kind,
    entry.actor_id,
    entry.action,
    entry.target,
    entry.outcome,
    entry.code,
    entry.reason,
    entry.request_id,
    entry.details,
  ];
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex');
}

/** What a host signs of its head, and of a checkpoint. */
export function signedText(
  what: 'head' | 'checkpoint',
  { host, seq, hash, at }: Omit<Checkpoint, 'signature'>,
): string {
  return JSON.stringify([`bulkhead-audit-${what}-1`, host, seq, hash, at]);
}

/** The action of entries that tell where other hosts' chains stand. */
export const HEADS_ACTION = 'audit.heads';
