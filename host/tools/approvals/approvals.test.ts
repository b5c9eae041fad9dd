import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../clock.test-support.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { NO_AUDIT, type AuditEntry } from '../../telemetry/audit.js';
import { createToolPolicies } from '../policy.js';
import type { ToolCaller } from '../tool.js';
import type { ApprovalRequest } from './approval.js';
import { createApprovals, type Approvals } from './approvals.js';

const POLICIES = createToolPolicies({ expose: { 'notes/add': 'require_approval' } });
const POLICY = POLICIES.judge({ server: 'notes', name: 'add', kind: 'plugin' });
const OPERATOR = { kind: 'cli', id: 'eva' } as const;
const SHOP: ToolCaller = { actor: { kind: 'app', id: 'shop' }, appId: 'shop' };

const request = (args: string, change: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  caller: SHOP,
  policy: POLICY,
  args,
  ...change,
});

let store: Store;
let clock: FakeClock;
let audited: AuditEntry[];
let approvals: Approvals;

/** A host on the store; a second one shares it. */
function host(maxPendingApprovals = 3): Approvals {
  const made = createApprovals({
    store,
    clock,
    audit: {
      ...NO_AUDIT,
      write: async (_trx, entry) => {
        audited.push(entry);
        await Promise.resolve();
      },
    },
    settings: () => ({ approvalWaitMs: 45_000, approvalValidMs: 3_600_000, maxPendingApprovals }),
    policyOf: () => POLICY,
  });
  made.start();
  return made;
}

/** A call that waits, and the id of its approval once it does. */
function waiting(call: ApprovalRequest, on = approvals) {
  const abort = new AbortController();
  const asked = Promise.withResolvers<string>();
  const answer = on.require(call, { signal: abort.signal, onWait: asked.resolve });
  answer.catch(() => {});
  return { answer, abort, id: asked.promise };
}

const now = (call: ApprovalRequest, on = approvals): Promise<string> =>
  on.require(call, { signal: new AbortController().signal, maxWaitMs: 0 });

describeEachStore('a call that needs approval', (the) => {
  beforeEach(async () => {
    store = await the.open();
    clock = new FakeClock();
    audited = [];
    approvals = host();
  });
  afterEach(() => {
    approvals.stop();
  });

  test('waits, and runs when an operator approves it', async () => {
    const call = waiting(request('{"a":1}'));
    const id = await call.id;
    expect(await approvals.list('pending')).toMatchObject([
      { id, tool: 'notes/add', args: '{"a":1}', caller: 'app/shop', policy: { policy: 'require_approval' } },
    ]);
    await approvals.decide(id, 'approve', 'fine', OPERATOR);
    expect(await call.answer).toBe(id);
    expect(await approvals.get(id)).toMatchObject({
      state: 'used',
      decided_by: 'cli/eva',
      reason: 'fine',
      decided_policy: { rules: POLICY.rules },
    });
    expect(audited).toMatchObject([
      {
        action: 'approval.approve',
        actor: OPERATOR,
        details: { tool: 'notes/add', policy: { listed: true } },
      },
    ]);
  });

  test('is woken on another host of the same store', async () => {
    const other = host();
    const call = waiting(request('{}'));
    await other.decide(await call.id, 'approve', '', OPERATOR);
    await call.answer;
    other.stop();
  });

  test('is told the reason when it is denied, and so is the same call after it', async () => {
    const call = waiting(request('{}'));
    await approvals.decide(await call.id, 'deny', 'not on a Friday', OPERATOR);
    await expect(call.answer).rejects.toMatchObject({
      code: 'APPROVAL_DENIED',
      message: expect.stringContaining('not on a Friday'),
    });
    await expect(now(request('{}'))).rejects.toMatchObject({ code: 'APPROVAL_DENIED' });
    clock.advance(3_600_000);
    await expect(now(request('{}'))).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
  });

  test('is APPROVAL_PENDING with the id after the wait; approved then, the same call runs once', async () => {
    const pending = await now(request('{"a":1,"b":2.0}')).catch((error: unknown) => error);
    expect(pending).toMatchObject({ code: 'APPROVAL_PENDING', field: expect.any(String), retryable: true });
    const id = (await approvals.list())[0]?.id ?? '';
    await approvals.decide(id, 'approve', '', OPERATOR);
    // Order of members, spaces and the form of a number are not what makes a call another one.
    expect(await now(request('{"b": 2, "a":1e0}'))).toBe(id);
    await expect(now(request('{"a":1,"b":2}'))).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
  });

  test('runs once when the same call comes many times at once, on two hosts', async () => {
    await now(request('{}')).catch(() => {});
    const id = (await approvals.list())[0]?.id ?? '';
    await approvals.decide(id, 'approve', '', OPERATOR);
    const other = host();
    const calls = Array.from({ length: 20 }, (_, n) => now(request('{}'), n % 2 === 0 ? approvals : other));
    const results = await Promise.allSettled(calls);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    other.stop();
  });

  test('is not run by the approval of another app, another tool, or of a number that only looks the same', async () => {
    await now(request('{"id":9007199254740992}')).catch(() => {});
    const id = (await approvals.list())[0]?.id ?? '';
    await approvals.decide(id, 'approve', '', OPERATOR);
    const others = [
      request('{"id":9007199254740993}'),
      request('{"id":"9007199254740992"}'),
      request('{"id":9007199254740992}', { caller: { actor: { kind: 'app', id: 'other' } } }),
      request('{"id":9007199254740992}', { caller: { actor: { kind: 'plugin', id: 'shop' } } }),
      request('{"id":9007199254740992}', { policy: { ...POLICY, tool: 'notes/delete' } }),
      request('{"id":9007199254740992}', { approvalId: 'another' }),
    ];
    for (const one of others.slice(0, 2))
      await expect(now(one)).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
    for (const one of others.slice(2))
      await expect(now(one)).rejects.toMatchObject({
        code: expect.stringMatching(/APPROVAL_PENDING|QUOTA_EXCEEDED/),
      });
    expect(await now(request('{"id":9007199254740992}', { approvalId: id }))).toBe(id);
  });

  test('is not run by the approval of what its name meant before', async () => {
    const balance = { runs: 'GET https://bank.example/balance' };
    await now(request('{}', balance)).catch(() => {});
    const [asked] = await approvals.list();
    expect(asked).toMatchObject(balance);
    await approvals.decide(asked?.id ?? '', 'approve', '', OPERATOR);
    expect(audited).toMatchObject([{ details: balance }]);
    const changed = request('{}', { runs: 'DELETE https://bank.example/accounts/all' });
    await expect(now(changed)).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
    expect(await now(request('{}', balance))).toBe(asked?.id);
  });

  test('waits for its turn no more when its caller has very many that wait', async () => {
    const calls = Array.from({ length: 100 }, () => waiting(request('{}')));
    await Promise.all(calls.map(({ id }) => id));
    await expect(now(request('{}'))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED', retryable: true });
    const plugin = { caller: { actor: { kind: 'plugin', id: 'notes' } } } as const;
    await expect(now(request('{}', plugin))).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
    for (const { abort } of calls) abort.abort();
    await Promise.allSettled(calls.map(({ answer }) => answer));
    await expect(now(request('{}'))).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
  });

  test('is approved once: a second decision is a conflict, also at the same time', async () => {
    await now(request('{}')).catch(() => {});
    const id = (await approvals.list())[0]?.id ?? '';
    const decisions = await Promise.allSettled([
      approvals.decide(id, 'approve', '', OPERATOR),
      approvals.decide(id, 'deny', '', OPERATOR),
    ]);
    expect(decisions.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(approvals.decide(id, 'approve', '', OPERATOR)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(approvals.decide('none', 'approve', '', OPERATOR)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(audited).toHaveLength(1);
  });

  test('shares one question with the same call that waits already', async () => {
    const first = waiting(request('{"x":[1]}'));
    const second = waiting(request('{"x":[1.0]}'));
    expect(await second.id).toBe(await first.id);
    expect(await approvals.list()).toHaveLength(1);
    first.abort.abort();
    await expect(first.answer).rejects.toMatchObject({ code: 'CANCELLED' });
    await approvals.decide(await second.id, 'approve', '', OPERATOR);
    await second.answer;
  });

  test('is refused when its caller has too many that wait; others do not notice', async () => {
    for (let n = 0; n < 3; n += 1) await now(request(`{"n":${n}}`)).catch(() => {});
    await expect(now(request('{"n":3}'))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    await expect(
      now(request('{"n":3}', { caller: { actor: { kind: 'app', id: 'other' } } })),
    ).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
    clock.advance(3_600_000);
    await expect(now(request('{"n":3}'))).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
  });

  test('cannot be approved once it is overdue, nor run by an approval that is', async () => {
    await now(request('{}')).catch(() => {});
    const id = (await approvals.list())[0]?.id ?? '';
    clock.advance(3_600_000);
    await expect(approvals.decide(id, 'approve', '', OPERATOR)).rejects.toMatchObject({ code: 'CONFLICT' });
    await now(request('{}')).catch(() => {});
    const next = (await approvals.list('pending'))[0]?.id ?? '';
    await approvals.decide(next, 'approve', '', OPERATOR);
    clock.advance(3_600_000);
    await expect(now(request('{}'))).rejects.toMatchObject({ code: 'APPROVAL_PENDING' });
  });
});
