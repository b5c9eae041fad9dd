import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Decision, HealthState, InvokeBatchRequest, InvokeRequest } from '@bulkhead/proto/plugin';
import { describe, expect, test } from 'vitest';
import { health, plugin, scene, settle, type Scene } from './fakes.test-support.js';
import type { LifecyclePort } from './plugin-calls.js';

const request = InvokeRequest.fromPartial({ hook: 'tool_pre_invoke' });

function port(s: Scene, name = 'a'): LifecyclePort {
  const found = s.supervisor.active().find(({ config }) => config.name === name);
  if (found === undefined) throw new Error(`no plugin ${name}`);
  return found.port;
}

const code = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error: unknown) => BulkheadError.from(error).code,
  );

describe('a call', () => {
  test('goes to the process encoded, and its answer comes back decoded', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const answer = port(s).invoke(request, { timeoutMs: 100 });
    const [call] = s.last().pending;
    expect(call).toMatchObject({ path: '/bulkhead.plugin.v1.HookService/Invoke', timeoutMs: 100 });
    expect(InvokeRequest.decode(call?.body ?? new Uint8Array())).toEqual(request);
    expect(s.supervisor.gauges()).toEqual([{ plugin: 'a', inFlight: 1, queued: 0, restarts: 0 }]);
    call?.answer({ decision: Decision.DECISION_DENY });
    expect((await answer).decision).toBe(Decision.DECISION_DENY);
    expect(s.supervisor.gauges()[0]?.inFlight).toBe(0);

    const batch = port(s).invokeBatch([request, request], { timeoutMs: 100 });
    const [sent] = s.last().pending;
    expect(InvokeBatchRequest.decode(sent?.body ?? new Uint8Array()).requests).toHaveLength(2);
    sent?.answer();
    await batch;
    await s.supervisor.stop();
  });

  test('without a process fails at once, and says why', async () => {
    const s = scene([plugin('a')]);
    await expect(port(s).invoke(request, { timeoutMs: 100 })).rejects.toMatchObject({
      code: ErrorCode.PLUGIN_UNAVAILABLE,
      message: "plugin 'a' takes no calls: it was not started",
      retryable: true,
    });
  });

  test('made again at once whenever it is refused does not keep the event loop from others', async () => {
    const s = scene([plugin('a')]);
    let turn = false;
    setImmediate(() => (turn = true));
    let refusals = 0;
    while (!turn && refusals < 100_000) {
      await code(port(s).invoke(request, { timeoutMs: 100 }));
      refusals += 1;
    }
    expect(refusals).toBeLessThan(100);
  });

  test('that fails leaves its place to the next one', async () => {
    const s = scene([plugin('a', { maxInFlight: 1 })]);
    await s.supervisor.start();
    for (let i = 0; i < 3; i += 1) {
      const call = code(port(s).invoke(request, { timeoutMs: 100 }));
      s.last().pending[0]?.fail(new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, 'late'));
      expect(await call).toBe(ErrorCode.DEADLINE_EXCEEDED);
    }
    await s.supervisor.stop();
  });

  test('answered with bytes that are no answer is a PROTOCOL_ERROR', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    s.last().call = async () => Promise.resolve(new Uint8Array([0xff]));
    expect(await code(port(s).invoke(request, { timeoutMs: 100 }))).toBe(ErrorCode.PROTOCOL_ERROR);
    expect(s.supervisor.gauges()[0]?.inFlight).toBe(0);
    await s.supervisor.stop();
  });
});

describe('above max_in_flight', () => {
  test('calls wait in order, and beyond max_queue fail at once with PLUGIN_OVERLOADED', async () => {
    const s = scene([plugin('a', { maxInFlight: 2, maxQueue: 2 })]);
    await s.supervisor.start();
    const done: number[] = [];
    const calls = [0, 1, 2, 3].map(async (i) =>
      port(s)
        .invoke(request, { timeoutMs: 1_000 })
        .then(() => done.push(i)),
    );
    expect(await code(port(s).invoke(request, { timeoutMs: 1_000 }))).toBe(ErrorCode.PLUGIN_OVERLOADED);
    expect(s.supervisor.gauges()[0]).toMatchObject({ inFlight: 2, queued: 2 });
    while (done.length < 4) {
      expect(s.last().pending.length).toBeLessThanOrEqual(2);
      s.last().pending[0]?.answer();
      await settle();
    }
    await Promise.all(calls);
    expect(done).toEqual([0, 1, 2, 3]);
    await s.supervisor.stop();
  });

  test('waiting counts against the deadline', async () => {
    const s = scene([plugin('a', { maxInFlight: 1 })]);
    await s.supervisor.start();
    void port(s).invoke(request, { timeoutMs: 60_000 });
    const short = code(port(s).invoke(request, { timeoutMs: 500 }));
    const long = code(port(s).invoke(request, { timeoutMs: 1_000 }));
    await s.clock.advance(500);
    expect(await short).toBe(ErrorCode.DEADLINE_EXCEEDED);
    await s.clock.advance(300);
    s.last().pending[0]?.answer();
    await settle();
    expect(s.last().pending[0]?.timeoutMs).toBe(200);
    s.last().pending[0]?.answer();
    expect(await long).toBe('answered');
    await s.supervisor.stop();
    expect(s.clock.timers).toBe(0);
  });

  test('a caller that goes away leaves the queue', async () => {
    const s = scene([plugin('a', { maxInFlight: 1 })]);
    await s.supervisor.start();
    void port(s).invoke(request, { timeoutMs: 60_000 });
    const caller = new AbortController();
    const waiting = code(port(s).invoke(request, { timeoutMs: 60_000, signal: caller.signal }));
    const patient = code(port(s).invoke(request, { timeoutMs: 60_000 }));
    caller.abort();
    expect(await waiting).toBe(ErrorCode.CANCELLED);
    expect(await code(port(s).invoke(request, { timeoutMs: 1, signal: caller.signal }))).toBe(
      ErrorCode.CANCELLED,
    );
    s.last().pending[0]?.answer();
    await settle();
    s.last().pending[0]?.answer();
    expect(await patient).toBe('answered');
    await s.supervisor.stop();
  });

  test('waiting calls fail at once when the last process dies', async () => {
    const s = scene([plugin('a', { maxInFlight: 1 })]);
    await s.supervisor.start();
    const calls = [0, 1, 2].map(async () => code(port(s).invoke(request, { timeoutMs: 60_000 })));
    s.last().crash();
    expect(await Promise.all(calls)).toEqual([
      ErrorCode.PLUGIN_EXITED,
      ErrorCode.PLUGIN_UNAVAILABLE,
      ErrorCode.PLUGIN_UNAVAILABLE,
    ]);
    await s.supervisor.stop();
  });
});

describe('several instances', () => {
  test('share the calls, the least loaded first', async () => {
    const s = scene([plugin('a', { instances: 3, maxInFlight: 100 })]);
    await s.supervisor.start();
    for (let i = 0; i < 9; i += 1) void port(s).invoke(request, { timeoutMs: 100 });
    expect(s.sidecars.map((sidecar) => sidecar.pending.length)).toEqual([3, 3, 3]);
    s.sidecars[1]?.pending[0]?.answer();
    s.sidecars[1]?.pending[0]?.answer();
    await settle();
    void port(s).invoke(request, { timeoutMs: 100 });
    void port(s).invoke(request, { timeoutMs: 100 });
    expect(s.sidecars.map((sidecar) => sidecar.pending.length)).toEqual([3, 3, 3]);
    for (const sidecar of s.sidecars) while (sidecar.pending[0]) sidecar.pending[0].answer();
    await s.supervisor.stop();
  });

  test('equals take turns', async () => {
    const s = scene([plugin('a', { instances: 2 })]);
    await s.supervisor.start();
    const used = new Set<number>();
    for (let i = 0; i < 2; i += 1) {
      const call = port(s).invoke(request, { timeoutMs: 100 });
      const busy = s.sidecars.find((sidecar) => sidecar.pending.length > 0);
      used.add(busy?.pid ?? 0);
      busy?.pending[0]?.answer();
      await call;
    }
    expect(used.size).toBe(2);
    await s.supervisor.stop();
  });

  test('one that dies fails its own calls alone, and the others serve', async () => {
    const s = scene([plugin('a', { instances: 2 })], { random: () => 0 });
    await s.supervisor.start();
    const calls = [0, 1].map(async () => code(port(s).invoke(request, { timeoutMs: 100 })));
    s.sidecars[0]?.crash();
    await settle();
    const next = code(port(s).invoke(request, { timeoutMs: 100 }));
    expect(s.sidecars[1]?.pending).toHaveLength(2);
    for (const call of s.sidecars[1]?.pending.slice() ?? []) call.answer();
    expect((await Promise.all(calls)).toSorted()).toEqual([ErrorCode.PLUGIN_EXITED, 'answered']);
    expect(await next).toBe('answered');
    expect(s.supervisor.notReady()).toEqual([]);
    expect(s.supervisor.status()[0]?.instances.map(({ state }) => state.kind)).toEqual(['failed', 'ready']);
    await s.supervisor.stop();
  });

  test('one that does not answer its checks gets calls only when no other can take them', async () => {
    const s = scene([plugin('a', { instances: 2 })]);
    await s.supervisor.start();
    const [silent, other] = s.sidecars;
    if (silent === undefined || other === undefined) throw new Error('not started');
    silent.onHealth = async () => Promise.reject(new Error('silent'));
    await s.clock.advance(2_000);
    for (let i = 0; i < 4; i += 1) void port(s).invoke(request, { timeoutMs: 100 });
    expect([silent.pending.length, other.pending.length]).toEqual([0, 4]);
    other.onHealth = async () => Promise.resolve(health(HealthState.HEALTH_STATE_UNHEALTHY, ''));
    await s.clock.advance(2_000);
    void port(s).invoke(request, { timeoutMs: 100 });
    expect(silent.pending).toHaveLength(1);
    for (const sidecar of s.sidecars) while (sidecar.pending[0]) sidecar.pending[0].answer();
    await s.supervisor.stop();
  });
});
