import { randomUUID } from 'node:crypto';
import { sql, type Kysely, type Transaction } from 'kysely';
import type { Database } from '../../store/database.js';
import { callerKey, type ApprovalRequest, type ApprovalRow, type ApprovalState } from './approval.js';

/** Decided and expired ones are kept for so long, in milliseconds; the audit log keeps what they said. */
const KEEP_MS = 7 * 24 * 60 * 60_000;

type Db = Kysely<Database> | Transaction<Database>;

export interface NewApproval extends ApprovalRequest {
  readonly callKey: string;
  readonly nowMs: number;
  readonly expiresMs: number;
  /** Most that the caller may have pending. */
  readonly maxPending: number;
}

/** Marks what is overdue and forgets what is old. */
export async function expireApprovals(db: Db, nowMs: number): Promise<void> {
  await db
    .updateTable('approvals')
    .set({ state: 'expired' })
    .where('state', 'in', ['pending', 'approved', 'denied'])
    .where('expires_at', '<=', nowMs)
    .execute();
  await db
    .deleteFrom('approvals')
    .where('state', 'in', ['used', 'expired'])
    .where('created_at', '<=', nowMs - KEEP_MS)
    .execute();
}

/**
 * Takes one approval for this very call, once: of all who ask at the same time, on whatever host, one gets it.
 *
 * @returns its id, or undefined
 */
export async function takeApproval(
  db: Db,
  callKey: string,
  nowMs: number,
  id?: string,
): Promise<string | undefined> {
  const taken = await db
    .updateTable('approvals')
    .set({ state: 'used', used_at: nowMs })
    .where('state', '=', 'approved')
    .where('id', '=', ({ selectFrom }) => {
      const oldest = selectFrom('approvals')
        .select('id')
        .where('call_key', '=', callKey)
        .where('state', '=', 'approved')
        .where('expires_at', '>', nowMs)
        .orderBy('decided_at')
        .limit(1);
      return id === undefined ? oldest : oldest.where('id', '=', id);
    })
    .returning('id')
    .executeTakeFirst();
  return taken?.id;
}

/** The denial of this very call that still stands. */
export function findDenial(db: Db, callKey: string, nowMs: number): Promise<ApprovalRow | undefined> {
  return db
    .selectFrom('approvals')
    .selectAll()
    .where('call_key', '=', callKey)
    .where('state', '=', 'denied')
    .where('expires_at', '>', nowMs)
    .orderBy('decided_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/**
 * Asks, unless the same call is asked about already or its caller has too many questions open.
 *
 * @returns the id of the question that is open now; undefined when there is no room
 */
export async function openApproval(db: Db, asked: NewApproval): Promise<string | undefined> {
  const { caller, policy, nowMs, callKey } = asked;
  const key = callerKey(caller);
  const text = sql.val;
  await db
    .insertInto('approvals')
    .columns([
      'id',
      'call_key',
      'tool',
      'runs',
      'args_json',
      'caller',
      'app_id',
      'tenant_id',
      'user_id',
      'request_id',
      'state',
      'policy_json',
      'created_at',
      'expires_at',
    ])
    .expression(
      sql<ApprovalRow>`select ${text(randomUUID())}, ${text(callKey)}, ${text(policy.tool)}, ${text(asked.runs ?? null)}, ${text(asked.args)},
        ${text(key)}, ${text(caller.appId ?? null)}, ${text(caller.tenantId ?? null)}, ${text(caller.userId ?? null)},
        ${text(asked.requestId ?? null)}, ${text('pending')}, ${text(JSON.stringify(policy))},
        cast(${nowMs} as bigint), cast(${asked.expiresMs} as bigint)
        where (select count(*) from approvals where state = 'pending' and caller = ${key}) < ${asked.maxPending}`,
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const open = await db
    .selectFrom('approvals')
    .select('id')
    .where('call_key', '=', callKey)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  return open?.id;
}

export function findApproval(db: Db, id: string): Promise<ApprovalRow | undefined> {
  return db.selectFrom('approvals').selectAll().where('id', '=', id).executeTakeFirst();
}

export interface Decision {
  readonly state: 'approved' | 'denied';
  readonly by: string;
  readonly reason: string;
  readonly policyJson: string;
  readonly nowMs: number;
  readonly expiresMs: number;
}

/** Decides a pending one; undefined when it is none (any more). */
export function decideApproval(db: Db, id: string, decision: Decision): Promise<ApprovalRow | undefined> {
  return db
    .updateTable('approvals')
    .set({
      state: decision.state,
      decided_at: decision.nowMs,
      decided_by: decision.by,
      reason: decision.reason,
      decided_policy_json: decision.policyJson,
      expires_at: decision.expiresMs,
    })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .where('expires_at', '>', decision.nowMs)
    .returningAll()
    .executeTakeFirst();
}

/** The newest first. */
export function listApprovals(
  db: Db,
  state: ApprovalState | undefined,
  limit: number,
): Promise<readonly ApprovalRow[]> {
  const all = db.selectFrom('approvals').selectAll().orderBy('created_at', 'desc').orderBy('id').limit(limit);
  return (state === undefined ? all : all.where('state', '=', state)).execute();
}
