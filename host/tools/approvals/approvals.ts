import { createHash } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { ToolsConfig } from '../../config/config.js';
import type { Store } from '../../store/store.js';
import type { Actor, Audit } from '../../telemetry/audit.js';
import { canonicalJson } from '../canonical-json.js';
import type { PolicySnapshot } from '../policy.js';
import {
  approvalOf,
  callerKey,
  denied,
  stillPending,
  type Approval,
  type ApprovalRequest,
  type ApprovalState,
} from './approval.js';
import {
  decideApproval,
  expireApprovals,
  findApproval,
  findDenial,
  listApprovals,
  openApproval,
  takeApproval,
} from './approval-rows.js';
import { Waiters } from './waiters.js';

export interface ApprovalsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  /** What holds now. */
  readonly settings: () => Pick<ToolsConfig, 'approvalWaitMs' | 'approvalValidMs' | 'maxPendingApprovals'>;
  /** The policy of a tool that holds now, for the record of a decision. */
  readonly policyOf: (tool: string) => PolicySnapshot;
}

export interface ApprovalWait {
  readonly signal: AbortSignal;
  /** The caller's own bound, in milliseconds. */
  readonly maxWaitMs?: number;
  /** Told every few seconds while it waits: how long it has, of how long, in milliseconds. */
  readonly onWait?: (id: string, waitedMs: number, ofMs: number) => void;
}

/** Calls of tools that run only when an operator says so. */
export interface Approvals {
  /**
   * Waits until this call may run, once.
   *
   * @returns the approval's id
   * @throws APPROVAL_PENDING when nobody decided in time, APPROVAL_DENIED, QUOTA_EXCEEDED, PAYLOAD_TOO_LARGE, CANCELLED
   */
  require(request: ApprovalRequest, wait: ApprovalWait): Promise<string>;
  list(state?: ApprovalState): Promise<readonly Approval[]>;
  /** @throws NOT_FOUND */
  get(id: string): Promise<Approval>;
  /** @throws NOT_FOUND, CONFLICT when it was decided already or is overdue */
  decide(id: string, decision: 'approve' | 'deny', reason: string, actor: Actor): Promise<Approval>;
  start(): void;
  stop(): void;
}

const CHANNEL = 'approvals';
/** How often a waiting call looks itself, besides being woken, and reports that it waits. A lost notice costs no more. */
const LOOK_MS = 5_000;
const MAX_ARGS_BYTES = 256 * 1024;
const MAX_LISTED = 500;
/** Calls of one caller, and of all, that wait at one time on this host: each looks for itself now and then. */
const MAX_WAITING_OF_CALLER = 100;
const MAX_WAITING = 2_000;
/** Others may take what was just approved, or decide what was just opened; then the question is asked anew. */
const MAX_ROUNDS = 5;

export function createApprovals(options: ApprovalsOptions): Approvals {
  const { store, clock, audit, settings } = options;
  const waiters = new Waiters();
  const waitingOf = new Map<string, number>();
  let waiting = 0;
  let stopListening = (): void => {};

  /** @throws APPROVAL_DENIED. @returns what was taken, or the question that is open. */
  async function ask(request: ApprovalRequest, callKey: string) {
    const { approvalValidMs, maxPendingApprovals: maxPending } = settings();
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const nowMs = clock.now();
      const taken = await takeApproval(store.db, callKey, nowMs, request.approvalId);
      if (taken !== undefined) return { taken } as const;
      const denial = await findDenial(store.db, callKey, nowMs);
      if (denial !== undefined) throw denied(denial);
      await expireApprovals(store.db, nowMs);
      const open = await openApproval(store.db, {
        ...request,
        callKey,
        nowMs,
        expiresMs: nowMs + approvalValidMs,
        maxPending,
      });
      if (open !== undefined) return { open } as const;
    }
    throw new BulkheadError(
      ErrorCode.QUOTA_EXCEEDED,
      `${callerKey(request.caller)} has ${String(maxPending)} calls that wait for approval, as many as it may; try again when some are decided`,
      { retryable: true },
    );
  }

  /** Resolves when the approval may have been decided, or after `ms`. */
  function decidedOr(id: string, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => (): void => {
        cancel();
        forget();
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const done = end(resolve);
      const onAbort = end(() => {
        reject(new BulkheadError(ErrorCode.CANCELLED, 'the caller went away while its call waited'));
      });
      const cancel = clock.after(ms, done);
      const forget = waiters.add(id, done);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }

  /** One more call that waits. @throws QUOTA_EXCEEDED. @returns one less */
  function enter(caller: string): () => void {
    const ofCaller = waitingOf.get(caller) ?? 0;
    if (ofCaller >= MAX_WAITING_OF_CALLER || waiting >= MAX_WAITING) {
      const who = ofCaller >= MAX_WAITING_OF_CALLER ? caller : 'this host';
      throw new BulkheadError(
        ErrorCode.QUOTA_EXCEEDED,
        `${who} has as many calls that wait for approval as it may, ${String(Math.max(ofCaller, waiting))}; try again when some are decided`,
        { retryable: true },
      );
    }
    waiting += 1;
    waitingOf.set(caller, ofCaller + 1);
    return () => {
      waiting -= 1;
      const left = (waitingOf.get(caller) ?? 1) - 1;
      if (left > 0) waitingOf.set(caller, left);
      else waitingOf.delete(caller);
    };
  }

  async function wait(
    request: ApprovalRequest,
    { signal, maxWaitMs = Infinity, onWait }: ApprovalWait,
  ): Promise<string> {
    const callKey = keyOf(request);
    const ofMs = Math.max(0, Math.min(settings().approvalWaitMs, maxWaitMs));
    const startedMs = clock.monotonic();
    for (;;) {
      const { taken, open } = await ask(request, callKey);
      if (taken !== undefined) return taken;
      const leftMs = startedMs + ofMs - clock.monotonic();
      if (leftMs <= 0) throw stillPending(open, request.policy.tool);
      onWait?.(open, ofMs - leftMs, ofMs);
      await decidedOr(open, Math.min(leftMs, LOOK_MS), signal);
    }
  }

  return {
    async require(request, bounds) {
      if (Buffer.byteLength(request.args) > MAX_ARGS_BYTES) {
        throw new BulkheadError(
          ErrorCode.PAYLOAD_TOO_LARGE,
          `the arguments of a call that needs approval may have ${String(MAX_ARGS_BYTES)} bytes at most`,
        );
      }
      const leave = enter(callerKey(request.caller));
      try {
        return await wait(request, bounds);
      } finally {
        leave();
      }
    },
    async list(state) {
      await expireApprovals(store.db, clock.now());
      return (await listApprovals(store.db, state, MAX_LISTED)).map(approvalOf);
    },
    async get(id) {
      const row = await findApproval(store.db, id);
      if (row === undefined) throw notFound(id);
      return approvalOf(row);
    },
    async decide(id, decision, reason, actor) {
      const nowMs = clock.now();
      const known = await findApproval(store.db, id);
      if (known === undefined) throw notFound(id);
      const policy = options.policyOf(known.tool);
      const state = decision === 'approve' ? 'approved' : 'denied';
      const row = await store.transaction(async (trx) => {
        const decided = await decideApproval(trx, id, {
          state,
          by: `${actor.kind}/${actor.id}`,
          reason,
          policyJson: JSON.stringify(policy),
          nowMs,
          expiresMs: nowMs + settings().approvalValidMs,
        });
        if (decided === undefined) return undefined;
        await audit.write(trx, {
          actor,
          action: `approval.${decision}`,
          target: `approval/${id}`,
          outcome: 'allowed',
          ...(reason === '' ? {} : { reason }),
          ...(decided.request_id === null ? {} : { requestId: decided.request_id }),
          details: {
            tool: decided.tool,
            ...(decided.runs === null ? {} : { runs: decided.runs }),
            caller: decided.caller,
            call: decided.call_key,
            policy: { ...policy },
          },
        });
        return decided;
      });
      if (row === undefined) throw await conflict(id);
      await audit.settled();
      await store.notify(CHANNEL, id);
      return approvalOf(row);
    },
    start() {
      stopListening();
      stopListening = store.listen(CHANNEL, (id) => {
        waiters.wake(id);
      });
    },
    stop() {
      stopListening();
      waiters.wakeAll();
    },
  };

  async function conflict(id: string): Promise<BulkheadError> {
    const row = await findApproval(store.db, id);
    const state = row === undefined || row.state === 'pending' ? 'expired' : row.state;
    return new BulkheadError(
      ErrorCode.CONFLICT,
      `approval ${id} is ${state}; only a pending one can be decided`,
    );
  }
}

/** "The same call": tool, what it runs, arguments by their value, and caller. */
function keyOf({ policy, runs, args, caller }: ApprovalRequest): string {
  const parts = [policy.tool, runs ?? null, canonicalJson(args), callerKey(caller)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function notFound(id: string): BulkheadError {
  return new BulkheadError(ErrorCode.NOT_FOUND, `no approval ${id} is known`);
}
