import { ErrorCode } from '@bulkhead/proto';
import { describe, expect, test } from 'vitest';
import { plugin, refusal, scene, settle, type Scene } from './fakes.test-support.js';
import { QUARANTINE_DELAYS_MS, RestartPolicy } from './restart-policy.js';

/** Fails until the crash loop is noticed. */
async function crashLoop(s: Scene): Promise<void> {
  for (let i = 0; i < 20 && s.supervisor.status()[0]?.state.kind !== 'quarantined'; i += 1) {
    await s.clock.advance(3_200);
    s.last().crash([`words ${i}`]);
    await settle();
  }
}

describe('a plugin', () => {
  test('goes from installed to starting to ready, and through draining to stopped', async () => {
    const s = scene([plugin('a')]);
    expect(s.supervisor.status()[0]?.state).toEqual({ kind: 'installed' });
    expect(s.supervisor.notReady()).toMatchObject([{ name: 'a', state: 'installed', guard: true }]);
    await s.supervisor.start();
    expect(s.supervisor.status()[0]).toMatchObject({ serving: true, state: { kind: 'ready', pid: 1_000 } });
    expect(s.supervisor.notReady()).toEqual([]);
    await s.supervisor.stop();
    expect(s.states('a')).toEqual(['starting', 'ready', 'draining', 'stopped']);
    expect(s.last().fate).toEqual(['stop: the host is going down']);
    expect(s.clock.timers).toBe(0);
  });

  test('that is disabled is not started and not missed', async () => {
    const s = scene([plugin('a', { enabled: false }), plugin('b', { hooks: [], mode: 'disabled' })]);
    await s.supervisor.start();
    expect(s.sidecars).toEqual([]);
    expect(s.supervisor.notReady()).toEqual([]);
    expect(s.supervisor.active()).toEqual([]);
    await s.supervisor.stop();
  });

  test('that crashed is started again soon, with its last words in the log’s reason', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    s.last().crash(['out of cheese']);
    await settle();
    expect(s.events.filter(({ kind }) => kind === 'restart')).toMatchObject([
      { plugin: 'a', delayMs: 200, failure: { code: ErrorCode.PLUGIN_EXITED, lastLines: ['out of cheese'] } },
    ]);
    await s.clock.advance(200);
    expect(s.sidecars).toHaveLength(2);
    expect(s.supervisor.status()[0]).toMatchObject({ serving: true, restarts: 1 });
    expect(s.supervisor.gauges()).toMatchObject([{ restarts: 1, failures: { PLUGIN_EXITED: 1 } }]);
    await s.supervisor.stop();
  });

  test.each([
    ErrorCode.START_TIMEOUT,
    ErrorCode.PLUGIN_EXITED,
    // The machine was short of processes, descriptors or disk.
    ErrorCode.SPAWN_FAILED,
    ErrorCode.LIMIT_EXCEEDED,
    ErrorCode.CONNECTION_FLOODED,
  ])('that keeps failing to start with %s waits longer each time', async (code) => {
    const s = scene([plugin('a')]);
    s.launches.push(...Array.from({ length: 4 }, () => refusal(code)));
    await s.supervisor.start();
    expect(s.supervisor.notReady()).toMatchObject([
      { name: 'a', state: 'failed', reason: `failed, ${code}: refused: ${code}` },
    ]);
    await s.clock.advance(3_000);
    expect(s.events.flatMap((event) => (event.kind === 'restart' ? [event.delayMs] : []))).toEqual([
      200, 400, 800, 1_600,
    ]);
    expect(s.supervisor.status()[0]).toMatchObject({ serving: true, restarts: 4 });
    await s.supervisor.stop();
  });

  test.each([
    ErrorCode.PROTOCOL_INCOMPATIBLE,
    ErrorCode.REGISTRATION_MISMATCH,
    ErrorCode.INCOMPATIBLE,
    ErrorCode.MANIFEST_INVALID,
  ])('that fails with %s is not tried again', async (code) => {
    const s = scene([plugin('a')]);
    s.launches.push(refusal(code));
    await s.supervisor.start();
    await s.clock.advance(3_600_000);
    expect(s.sidecars).toEqual([]);
    expect(s.supervisor.status()[0]?.state).toMatchObject({
      kind: 'failed',
      failure: { code },
      retryInMs: 'never',
    });
    await s.supervisor.stop();
    expect(s.states('a').at(-1)).toBe('stopped');
  });

  test('in a crash loop is quarantined, with the last words in the reason', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    await crashLoop(s);
    expect(s.sidecars).toHaveLength(5);
    expect(s.events.find(({ kind }) => kind === 'quarantine')).toMatchObject({
      plugin: 'a',
      retryInMs: 60_000,
      failure: { lastLines: ['words 4'] },
    });
    expect(s.supervisor.notReady()[0]?.reason).toMatch(/^quarantined, PLUGIN_EXITED/);
    await s.clock.advance(59_000);
    expect(s.sidecars).toHaveLength(5);
    await s.supervisor.stop();
  });

  test('in quarantine is tried once after 1, 2, 4, 8, 15 and 15 minutes', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    await crashLoop(s);
    for (const minutes of [1, 2, 4, 8, 15, 15]) {
      const before = s.sidecars.length;
      await s.clock.advance(minutes * 60_000 - 1);
      expect(s.sidecars).toHaveLength(before);
      await s.clock.advance(1);
      expect(s.sidecars).toHaveLength(before + 1);
      expect(s.events.findLast(({ kind }) => kind === 'state')).toMatchObject({ from: { halfOpen: true } });
      s.last().crash();
      await settle();
      expect(s.supervisor.status()[0]?.state.kind).toBe('quarantined');
    }
    await s.supervisor.stop();
  });

  test('that serves well after a half-open try has a clean record again', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    await crashLoop(s);
    await s.clock.advance(60_000);
    await s.clock.advance(60_000);
    s.last().crash();
    await s.clock.advance(200);
    expect(s.supervisor.status()[0]?.state.kind).toBe('ready');
    await s.supervisor.stop();
  });

  test('in quarantine comes back when an operator enables it', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    await crashLoop(s);
    await s.supervisor.enable('a');
    expect(s.supervisor.status()[0]).toMatchObject({ serving: true, restarts: 4 });
    await s.supervisor.stop();
    expect(s.clock.timers).toBe(0);
  });

  test('that lost its link and lives on is killed and started again', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const [first] = s.sidecars;
    first?.loseLink();
    await s.clock.advance(300);
    expect(first?.fate).toEqual(['kill: the link is broken']);
    expect(s.sidecars).toHaveLength(2);
    await s.supervisor.stop();
  });

  test.each([
    [{ exitCode: null, signal: 'SIGKILL' }, 'the process ended: signal SIGKILL (the link is broken)'],
    [
      { exitCode: null, signal: 'SIGSEGV', reason: 'the link is broken' },
      'the process ended: signal SIGSEGV (the link is broken)',
    ],
    [{ exitCode: 3, signal: null }, 'the process ended: exit code 3 (the link is broken)'],
    [
      { exitCode: null, signal: 'SIGKILL', reason: 'the link is broken' },
      'the link is broken; the host killed the process',
    ],
  ])('whose end %j is heard of late says how it ended', async (end, said) => {
    const s = scene([plugin('a')]);
    const messages: string[] = [];
    s.supervisor.subscribe((event) => {
      if (event.kind === 'restart') messages.push(event.failure.message);
    });
    await s.supervisor.start();
    s.last().endsAs = { ...end, lastLines: [] };
    s.last().loseLink();
    await s.clock.advance(300);
    expect(messages).toEqual([said]);
    await s.supervisor.stop();
  });

  test('whose launch cannot be described fails like any start', async () => {
    const s = scene([plugin('a')], {
      describe: () => {
        throw new Error('no SDK');
      },
    });
    await s.supervisor.start();
    expect(s.supervisor.notReady()).toMatchObject([{ name: 'a', reason: 'failed, INTERNAL: no SDK' }]);
    await s.supervisor.stop();
  });
});

describe('starts', () => {
  test('run a few at a time', async () => {
    const gate = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const s = scene(
      Array.from({ length: 6 }, (_, i) => plugin(`p${i}`)),
      { startConcurrency: 2 },
    );
    s.launches.push(
      ...Array.from({ length: 6 }, () => async () => {
        running += 1;
        most = Math.max(most, running);
        await gate.promise;
        running -= 1;
      }),
    );
    const started = s.supervisor.start();
    await settle();
    expect(running).toBe(2);
    gate.resolve();
    await started;
    expect(most).toBe(2);
    expect(s.sidecars).toHaveLength(6);
    await s.supervisor.stop();
  });

  test('are given up when the host stops, those that wait for their turn too', async () => {
    const s = scene([plugin('a'), plugin('b')], { startConcurrency: 1 });
    s.launches.push(
      async (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(new Error('aborted'));
          });
        }),
    );
    const started = s.supervisor.start();
    await settle();
    await s.supervisor.stop();
    await started;
    expect(s.sidecars).toEqual([]);
    expect([s.states('a'), s.states('b')]).toEqual([
      ['starting', 'stopped'],
      ['starting', 'stopped'],
    ]);
  });
});

describe('the restart policy', () => {
  const limits = { backoffInitialMs: 100, backoffMaxMs: 1_000, crashLimit: 100, crashWindowMs: 60_000 };

  test('takes up to half of a delay off, and never exceeds the maximum', () => {
    const policy = new RestartPolicy(limits, () => 0.999_999);
    const delays = Array.from({ length: 8 }, (_, i) => policy.onFailure(i, 0).delayMs);
    expect(delays).toEqual([50, 100, 200, 400, 500, 500, 500, 500]);
  });

  test('counts only failures within the window', () => {
    const policy = new RestartPolicy({ ...limits, crashLimit: 2, crashWindowMs: 1_000 }, () => 0);
    expect(policy.onFailure(0, 0).kind).toBe('retry');
    expect(policy.onFailure(1_000, 0).kind).toBe('retry');
    expect(policy.onFailure(1_999, 0)).toEqual({ kind: 'quarantine', delayMs: QUARANTINE_DELAYS_MS[0] });
  });
});
