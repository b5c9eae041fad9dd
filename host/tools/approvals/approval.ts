import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Selectable } from 'kysely';
import type { ApprovalTable } from '../../store/tables/approvals.js';
import type { PolicySnapshot } from '../policy.js';
import type { ToolCaller } from '../tool.js';

export const APPROVAL_STATES = ['pending', 'approved', 'denied', 'used', 'expired'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];

export type ApprovalRow = Selectable<ApprovalTable>;

/** A call that waits for a decision, or did, as operators see it. JSON names: it is what REST answers. */
export interface Approval {
  readonly id: string;
  readonly tool: string;
  /** What stood behind the tool's name, for example `DELETE https://api.example.com/accounts/{id}`. */
  readonly runs?: string;
  readonly state: ApprovalState;
  /** JSON text of the arguments that would run. */
  readonly args: string;
  /** For example `app/shop` or `plugin/notes`. */
  readonly caller: string;
  readonly app_id?: string;
  readonly tenant_id?: string;
  readonly user_id?: string;
  readonly request_id?: string;
  /** The policy that asked for it. */
  readonly policy: unknown;
  /** The policy that held when it was decided. */
  readonly decided_policy?: unknown;
  readonly created_at: string;
  readonly expires_at: string;
  readonly decided_at?: string;
  readonly decided_by?: string;
  readonly reason?: string;
  readonly used_at?: string;
}

/** What is asked about. */
export interface ApprovalRequest {
  readonly caller: ToolCaller;
  readonly policy: PolicySnapshot;
  /** See `Tool.runs`. */
  readonly runs?: string;
  /** JSON text of the arguments that would run. */
  readonly args: string;
  readonly requestId?: string;
  /** Only this approval will do. */
  readonly approvalId?: string;
}

/** Whose calls are the same, and whose questions count together. */
export function callerKey({ actor }: ToolCaller): string {
  return `${actor.kind}/${actor.id}`;
}

export function approvalOf(row: ApprovalRow): Approval {
  return {
    id: row.id,
    tool: row.tool,
    ...(row.runs === null ? {} : { runs: row.runs }),
    state: APPROVAL_STATES.find((state) => state === row.state) ?? 'expired',
    args: row.args_json,
    caller: row.caller,
    ...(row.app_id === null ? {} : { app_id: row.app_id }),
    ...(row.tenant_id === null ? {} : { tenant_id: row.tenant_id }),
    ...(row.user_id === null ? {} : { user_id: row.user_id }),
    ...(row.request_id === null ? {} : { request_id: row.request_id }),
    policy: JSON.parse(row.policy_json),
    ...(row.decided_policy_json === null ? {} : { decided_policy: JSON.parse(row.decided_policy_json) }),
    created_at: isoTime(row.created_at),
    expires_at: isoTime(row.expires_at),
    ...(row.decided_at === null ? {} : { decided_at: isoTime(row.decided_at) }),
    ...(row.decided_by === null ? {} : { decided_by: row.decided_by }),
    ...(row.reason === null || row.reason === '' ? {} : { reason: row.reason }),
    ...(row.used_at === null ? {} : { used_at: isoTime(row.used_at) }),
  };
}

function isoTime(milliseconds: number): string {
  // PostgreSQL's driver may hand a bigint column over as text.
  return new Date(Number(milliseconds)).toISOString();
}

/** The call is to be made again once it is approved. The error's `field` is the approval's id. */
export function stillPending(id: string, tool: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.APPROVAL_PENDING,
    `a call of '${tool}' waits for an operator's approval ${id}; once it is approved, make the same call again`,
    { field: id, retryable: true },
  );
}

export function denied(row: Pick<ApprovalRow, 'id' | 'tool' | 'reason'>): BulkheadError {
  const why = row.reason === null || row.reason === '' ? 'no reason was given' : row.reason;
  return new BulkheadError(
    ErrorCode.APPROVAL_DENIED,
    `an operator denied the call of '${row.tool}' (${row.id}): ${why}`,
    { field: row.id },
  );
}
