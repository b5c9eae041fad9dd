import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IncomingCall } from '@bulkhead/proto/link';
import { FakeClock } from '../clock.test-support.js';
import type { HostMethod, PluginIdentity } from '../sidecar/host-method.js';
import type { ServiceBudgets } from '../config/service-budgets.js';
import { NO_AUDIT, type Audit, type AuditEntry } from '../telemetry/audit.js';
import { createGuard, type ServiceCall } from './guard.js';

const BODY = new Uint8Array([1]);
const BUDGETS: ServiceBudgets = { kvPerSecond: 4, readsPerMinute: 2, changesPerMinute: 1 };
const plugin = (name: string, ...grantedScopes: string[]): PluginIdentity => ({
  name,
  id: `id.${name}`,
  version: '1.0.0',
  pid: 1,
  grantedScopes,
});
const method = (scope: string, change: Partial<HostMethod> = {}): HostMethod => ({
  path: `/bulkhead.host.v1.X/${scope}`,
  scope,
  handle: () => BODY,
  ...change,
});
const call: IncomingCall = { timeoutMs: 0, traceparent: '', signal: new AbortController().signal };

let clock: FakeClock;
let audited: AuditEntry[];
let calls: ServiceCall[];
let budgets: ServiceBudgets;
const guard = () => {
  const audit: Audit = { ...NO_AUDIT, note: (entry) => void audited.push(entry) };
  return createGuard({ clock, audit, budgetsOf: () => budgets, onCall: (one) => void calls.push(one) });
};

beforeEach(() => {
  clock = new FakeClock();
  audited = [];
  calls = [];
  budgets = BUDGETS;
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('the guard', () => {
  test('refuses what was not granted, names the scope, and tells the audit log', () => {
    const served = guard()(plugin('p', 'kv.read'), method('llms.read'));
    expect(() => served.handler(BODY, call)).toThrow(
      expect.objectContaining({
        code: 'PERMISSION_DENIED',
        field: 'llms.read',
        message: expect.stringContaining("'llms.read'"),
      }),
    );
    expect(audited).toMatchObject([
      {
        actor: { kind: 'plugin', id: 'p' },
        action: 'service.refused',
        code: 'PERMISSION_DENIED',
        outcome: 'denied',
      },
    ]);
    expect(calls).toMatchObject([{ plugin: 'p', outcome: 'denied', code: 'PERMISSION_DENIED' }]);
  });

  test('a plugin that is refused all the time is two entries in ten seconds, with the number', () => {
    const served = guard()(plugin('p'), method('llms.read'));
    for (let n = 0; n < 1_000; n += 1) expect(() => served.handler(BODY, call)).toThrow();
    expect(audited).toHaveLength(1);
    clock.advance(10_000);
    expect(audited.map(({ details }) => details?.['times'])).toEqual([1, 999]);
  });

  test('lets through what was granted, and counts it', () => {
    expect(guard()(plugin('p', 'kv.read'), method('kv.read')).handler(BODY, call)).toBe(BODY);
    expect(calls).toMatchObject([{ plugin: 'p', outcome: 'ok' }]);
    expect(audited).toEqual([]);
  });

  test('a budget belongs to one configured entry: its processes share it, others do not notice', async () => {
    const stand = guard();
    const first = stand(plugin('a', 'llms.read'), method('llms.read'));
    const second = stand(plugin('a', 'llms.read'), method('llms.read'));
    const other = stand(plugin('b', 'llms.read'), method('llms.read'));
    await first.handler(BODY, call);
    await second.handler(BODY, call);
    const refused = Promise.resolve(first.handler(BODY, call));
    const told = expect(refused).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: 30_000,
    });
    expect(other.handler(BODY, call)).toBe(BODY);
    clock.advance(1_000);
    await told;
    clock.advance(29_000);
    expect(first.handler(BODY, call)).toBe(BODY);
  });

  test('a plugin that asks on by the hundred waits the longest for each refusal, however soon there is budget', async () => {
    const served = guard()(plugin('a', 'kv.read'), method('kv.read'));
    for (let n = 0; n < 4; n += 1) await served.handler(BODY, call);
    let answered = 0;
    const refusals = Array.from({ length: 2_000 }, () =>
      Promise.resolve(served.handler(BODY, call)).catch(() => {
        answered += 1;
      }),
    );
    clock.advance(999);
    await Promise.resolve();
    await new Promise(setImmediate);
    expect(answered).toBe(100);
    clock.advance(1);
    await Promise.all(refusals);
    expect(answered).toBe(2_000);
  });

  test('a plugin that asks for what it was not granted by the thousand waits for its refusals too', async () => {
    const served = guard()(plugin('p'), method('llms.read'));
    for (let n = 0; n < 1_000; n += 1) expect(() => served.handler(BODY, call)).toThrow();
    let refused = 0;
    const late = Promise.resolve(served.handler(BODY, call)).catch((error: unknown) => {
      refused += 1;
      return error;
    });
    clock.advance(999);
    await new Promise(setImmediate);
    expect(refused).toBe(0);
    clock.advance(1);
    expect(await late).toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(() => served.handler(BODY, call)).toThrow();
  });

  test('refusals past those that may wait are told as waste, and answered', async () => {
    let wasted = 0;
    const served = guard()(plugin('a', 'kv.read'), method('kv.read'), () => void (wasted += 1));
    for (let n = 0; n < 4; n += 1) await served.handler(BODY, call);
    const refusals = Array.from({ length: 4_096 }, () => Promise.resolve(served.handler(BODY, call)));
    expect(wasted).toBe(0);
    await expect(served.handler(BODY, call)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(wasted).toBe(1);
    clock.advance(1_000);
    await Promise.allSettled(refusals);
  });

  test('a call counts as many operations as it says', async () => {
    const served = guard()(plugin('a', 'kv.readwrite'), method('kv.readwrite', { cost: () => 4 }));
    expect(served.handler(BODY, call)).toBe(BODY);
    const told = expect(served.handler(BODY, call)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 1_000,
    });
    clock.advance(1_000);
    await told;
  });

  test('a budget that an operator changes holds at once', async () => {
    const served = guard()(plugin('a', 'llms.write'), method('llms.write'));
    await served.handler(BODY, call);
    budgets = { ...BUDGETS, changesPerMinute: 2 };
    expect(served.handler(BODY, call)).toBe(BODY);
    expect(served.handler(BODY, call)).toBe(BODY);
  });

  test('classes have budgets of their own', async () => {
    const stand = guard();
    const all = plugin('a', 'llms.read', 'llms.write', 'kv.read');
    await stand(all, method('llms.read')).handler(BODY, call);
    await stand(all, method('llms.read')).handler(BODY, call);
    expect(stand(all, method('llms.write')).handler(BODY, call)).toBe(BODY);
    expect(stand(all, method('kv.read')).handler(BODY, call)).toBe(BODY);
  });

  test('a request counts as its bytes, or its operations where these are more', async () => {
    budgets = { kvPerSecond: 10, readsPerMinute: 10, changesPerMinute: 10 };
    const guarded = guard();
    const served = (scope: string) => guarded(plugin('p', scope), method(scope, { cost: () => 2 }));
    for (const [scope, bytes] of [
      ['kv.readwrite', 9 * 1_024],
      ['tools.read', 9 * 32 * 1_024],
      ['tools.write', 9 * 32 * 1_024],
    ] as const) {
      await served(scope).handler(new Uint8Array(bytes), call);
      const refused = Promise.resolve(served(scope).handler(BODY, call));
      const seen = expect(refused).rejects.toMatchObject({ code: 'RATE_LIMITED' });
      clock.advance(1_000);
      await seen;
    }
  });

  test('an answer of megabytes is paid for by whoever asks next', async () => {
    budgets = { ...BUDGETS, readsPerMinute: 60 };
    const served = guard()(
      plugin('p', 'tools.read'),
      method('tools.read', { handle: () => Promise.resolve(new Uint8Array(119 * 32 * 1_024)) }),
    );
    await served.handler(BODY, call);
    const refused = Promise.resolve(served.handler(BODY, call));
    const seen = expect(refused).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 61_000 });
    clock.advance(1_000);
    await seen;
  });

  test('log lines cost no budget', () => {
    const served = guard()(plugin('a'), method('none'));
    for (let n = 0; n < 100; n += 1) expect(served.handler(BODY, call)).toBe(BODY);
  });

  test('a handler that does not answer is DEADLINE_EXCEEDED, and its signal fires', async () => {
    let seen: AbortSignal | undefined;
    const never = method('llms.read', {
      handle: (_body, { signal }) => {
        seen = signal;
        return new Promise(() => {});
      },
    });
    const answer = guard()(plugin('a', 'llms.read'), never).handler(BODY, { ...call, timeoutMs: 50 });
    const told = expect(answer).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    clock.advance(60);
    await told;
    expect(seen?.aborted).toBe(true);
    expect(calls).toMatchObject([{ outcome: 'error', code: 'DEADLINE_EXCEEDED', durationMs: 60 }]);
  });

  test('a method without a scope is not served', () => {
    expect(() => guard()(plugin('a'), method(''))).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});
