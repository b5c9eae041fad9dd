import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { InvokeRequest } from '@bulkhead/proto/plugin';
import { describe, expect, test } from 'vitest';
import { plugin, refusal, scene, settle, settings, type Scene } from './fakes.test-support.js';

const request = InvokeRequest.fromPartial({ hook: 'tool_pre_invoke' });
const call = async (s: Scene, name = 'a'): Promise<string> => {
  const found = s.supervisor.active().find(({ config }) => config.name === name);
  if (found === undefined) return 'not active';
  return found.port.invoke(request, { timeoutMs: 60_000 }).then(
    () => 'answered',
    (error: unknown) => BulkheadError.from(error).code,
  );
};
const alive = (s: Scene): number[] =>
  s.sidecars.filter(({ fate }) => !fate.some((what) => /^(stop|kill)/.test(what))).map(({ pid }) => pid);

describe('a reload', () => {
  test('swaps when the new process is ready, lets calls on the old one finish, then stops it', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const [old] = s.sidecars;
    const before = call(s);
    const gate = Promise.withResolvers<void>();
    s.launches.push(async () => gate.promise);
    const reloaded = s.supervisor.reload('a', plugin('a', { config: { next: true } }));
    await settle();
    const during = call(s);
    expect(old?.pending).toHaveLength(2);
    gate.resolve();
    await settle();
    const after = call(s);
    expect(s.last().pending).toHaveLength(1);
    expect(s.last().description.configJson).toBe('{"next":true}');
    expect(old?.fate).toEqual([]);
    while (old?.pending[0]) old.pending[0].answer();
    await settle();
    expect(old?.fate).toEqual(['stop: replaced by a reload']);
    s.last().pending[0]?.answer();
    await reloaded;
    expect(await Promise.all([before, during, after])).toEqual(['answered', 'answered', 'answered']);
    expect(s.supervisor.active()[0]?.config.config).toEqual({ next: true });
    await s.supervisor.stop();
  });

  test('that fails to start leaves the old process serving', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    s.launches.push(refusal(ErrorCode.SETUP_FAILED));
    await expect(s.supervisor.reload('a', plugin('a', { config: { bad: true } }))).rejects.toMatchObject({
      code: ErrorCode.SETUP_FAILED,
    });
    expect(s.supervisor.active()[0]?.config.config).toEqual({});
    expect(s.supervisor.status()[0]).toMatchObject({
      serving: true,
      restarts: 0,
      instances: [{ pid: 1_000 }],
    });
    await s.clock.advance(5_000);
    expect(s.sidecars).toHaveLength(1);
    await s.supervisor.stop();
  });

  test('stops an old process whose calls do not end in time', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    void call(s);
    const reloaded = s.supervisor.reload('a');
    await s.clock.advance(settings.stopDrainMs);
    await reloaded;
    expect(s.sidecars[0]?.fate).toContain('stop: replaced by a reload');
    await s.supervisor.stop();
  });

  test('replaces instances one after another, and goes back when one fails', async () => {
    const s = scene([plugin('a', { instances: 3 })]);
    await s.supervisor.start();
    await s.supervisor.reload('a');
    expect(alive(s)).toEqual([1_003, 1_004, 1_005]);
    s.launches.push(async () => Promise.resolve(), refusal(ErrorCode.START_TIMEOUT));
    const failed = s.supervisor.reload('a', plugin('a', { instances: 3, config: { bad: true } }));
    await expect(failed).rejects.toMatchObject({ code: ErrorCode.START_TIMEOUT });
    expect(
      s.sidecars.filter(({ pid }) => alive(s).includes(pid)).map(({ description }) => description.configJson),
    ).toEqual(['{}', '{}', '{}']);
    await s.supervisor.stop();
  });

  test('starts and stops instances to the new number', async () => {
    const s = scene([plugin('a', { instances: 1 })]);
    await s.supervisor.start();
    await s.supervisor.reload('a', plugin('a', { instances: 3 }));
    expect(alive(s)).toHaveLength(3);
    await s.supervisor.reload('a', plugin('a', { instances: 2 }));
    expect(alive(s)).toHaveLength(2);
    await s.supervisor.stop();
  });

  test('of an unknown plugin names the known ones', async () => {
    const s = scene([plugin('a')]);
    await expect(s.supervisor.reload('b')).rejects.toMatchObject({
      code: ErrorCode.PLUGIN_NOT_FOUND,
      message: "no plugin 'b' is configured; there are: a",
    });
  });
});

describe('disable and enable', () => {
  test('stop and start the processes, and say who takes calls', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    await s.supervisor.disable('a');
    expect(alive(s)).toEqual([]);
    expect(await call(s)).toBe('not active');
    expect(s.supervisor.notReady()).toEqual([]);
    await s.supervisor.enable('a');
    expect(alive(s)).toEqual([1_001]);
    expect(s.events.filter(({ kind }) => kind === 'changed')).toHaveLength(2);
    await s.supervisor.stop();
  });
});

describe('another configuration', () => {
  test('touches only what changed', async () => {
    const s = scene([plugin('same'), plugin('moved'), plugin('gone'), plugin('priority'), plugin('off')]);
    await s.supervisor.start();
    const hooks = plugin('x').hooks.map((hook) => ({ ...hook, priority: 7 }));
    const report = await s.supervisor.apply([
      plugin('new'),
      plugin('same'),
      plugin('moved', { config: { moved: true } }),
      plugin('priority', { hooks }),
      plugin('off', { enabled: false }),
    ]);
    expect(report).toEqual({
      started: ['new'],
      stopped: ['gone', 'off'],
      reloaded: ['moved'],
      updated: ['priority'],
      failed: [],
    });
    expect(s.supervisor.active().map(({ config }) => config.name)).toEqual([
      'new',
      'same',
      'moved',
      'priority',
    ]);
    expect(s.supervisor.active()[3]?.config.hooks[0]?.priority).toBe(7);
    expect(s.sidecars[0]?.fate).toEqual([]);
    expect(s.sidecars).toHaveLength(7);
    await s.supervisor.stop();
  });

  test('that one plugin cannot start with is reported, and the rest is applied', async () => {
    const s = scene([plugin('a'), plugin('b')]);
    await s.supervisor.start();
    s.launches.push(refusal(ErrorCode.SETUP_FAILED));
    const report = await s.supervisor.apply([
      plugin('a', { config: { bad: true } }),
      plugin('b', { config: { good: true } }),
    ]);
    expect(report.failed).toMatchObject([{ name: 'a', failure: { code: ErrorCode.SETUP_FAILED } }]);
    expect(s.supervisor.notReady()).toEqual([]);
    expect(s.supervisor.active()[1]?.config.config).toEqual({ good: true });
    await s.supervisor.stop();
  });

  test('keeps what an operator enabled or disabled, unless it says otherwise itself', async () => {
    const s = scene([plugin('a'), plugin('b')]);
    await s.supervisor.start();
    await s.supervisor.disable('a');
    await s.supervisor.apply([plugin('a', { config: { next: true } }), plugin('b')]);
    expect(s.supervisor.active().map(({ config }) => config.name)).toEqual(['b']);
    await s.supervisor.apply([plugin('a', { enabled: false }), plugin('b')]);
    await s.supervisor.apply([plugin('a'), plugin('b')]);
    expect(s.supervisor.active().map(({ config }) => config.name)).toEqual(['a', 'b']);
    await s.supervisor.stop();
  });
});

describe('stop', () => {
  test('waits for calls in flight, and takes no new ones', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const [entry] = s.supervisor.active();
    const first = call(s);
    const stopped = s.supervisor.stop();
    await settle();
    await expect(entry?.port.invoke(request, { timeoutMs: 1 })).rejects.toMatchObject({
      code: ErrorCode.PLUGIN_UNAVAILABLE,
    });
    expect(s.last().fate).toEqual([]);
    s.last().pending[0]?.answer();
    await stopped;
    expect(await first).toBe('answered');
    await expect(s.supervisor.reload('a')).rejects.toMatchObject({ code: ErrorCode.SHUTTING_DOWN });
  });

  test('returns within its bound whatever a process does', async () => {
    const s = scene([plugin('a'), plugin('b')]);
    await s.supervisor.start();
    for (const sidecar of s.sidecars) {
      sidecar.ignoresStop = true;
      sidecar.kill = async () => new Promise(() => undefined);
    }
    void call(s);
    let over = false;
    void s.supervisor.stop().then(() => (over = true));
    const { stopDrainMs, stopTermMs, stopKillMs } = settings;
    await s.clock.advance(stopDrainMs + (stopDrainMs + stopTermMs + stopKillMs + 500) + stopKillMs);
    expect(over).toBe(true);
    expect(s.clock.timers).toBe(0);
  });

  test('refuses what waited for its turn meanwhile, instead of saying that it was done', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const waiting = [
      s.supervisor.disable('a'),
      s.supervisor.reload('a'),
      s.supervisor.enable('a'),
      s.supervisor.reload('a'),
    ];
    const stopped = s.supervisor.stop();
    const outcomes = await Promise.allSettled(waiting);
    await stopped;
    expect(
      outcomes
        .slice(1)
        .map((outcome) => (outcome.status === 'rejected' ? BulkheadError.from(outcome.reason).code : 'done')),
    ).toEqual(['SHUTTING_DOWN', 'SHUTTING_DOWN', 'SHUTTING_DOWN']);
    expect(s.supervisor.status()[0]).toMatchObject({ enabled: false });
    expect(alive(s)).toEqual([]);
  });

  test('waits for a plugin that was just removed from the configuration', async () => {
    const s = scene([plugin('a'), plugin('b')]);
    await s.supervisor.start();
    const late = call(s, 'b');
    const applied = s.supervisor.apply([plugin('a')]);
    await settle();
    let stopped = false;
    const stop = s.supervisor.stop().then(() => (stopped = true));
    await settle();
    expect(stopped).toBe(false);
    s.sidecars[1]?.pending[0]?.answer();
    await Promise.all([stop, applied, late]);
    expect(alive(s)).toEqual([]);
  });

  test('in the middle of a reload leaves nothing behind', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    s.launches.push(
      async (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(new Error('aborted'));
          });
        }),
    );
    const reloaded = s.supervisor.reload('a');
    await settle();
    await s.supervisor.stop();
    await expect(reloaded).rejects.toThrow();
    expect(alive(s)).toEqual([]);
    expect(s.clock.timers).toBe(0);
  });

  test('a listener that throws harms nobody', async () => {
    const s = scene([plugin('a')]);
    s.supervisor.subscribe(() => {
      throw new Error('listener');
    });
    await s.supervisor.start();
    expect(s.supervisor.notReady()).toEqual([]);
    await s.supervisor.stop();
  });
});
