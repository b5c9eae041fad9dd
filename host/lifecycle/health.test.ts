import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { HealthState } from '@bulkhead/proto/plugin';
import { describe, expect, test } from 'vitest';
import { FakeClock, health, plugin, scene, type FakeSidecar } from './fakes.test-support.js';

/** A process that was stopped: its checks run into their timeout. */
function freeze(sidecar: FakeSidecar, clock: FakeClock): void {
  sidecar.onHealth = async (timeoutMs) =>
    new Promise((_resolve, reject) => {
      clock.after(timeoutMs, () => {
        reject(new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, 'no answer'));
      });
    });
}

/** A process that answers after 100 ms, when the host is there to read it. */
function answerLater(sidecar: FakeSidecar, clock: FakeClock): void {
  sidecar.onHealth = async (timeoutMs) =>
    new Promise((resolve, reject) => {
      clock.after(timeoutMs, () => {
        reject(new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, 'no answer'));
      });
      clock.after(100, () => {
        setImmediate(() => {
          resolve(health(HealthState.HEALTH_STATE_HEALTHY));
        });
      });
    });
}

const checks = (sidecar: FakeSidecar): number => sidecar.fate.filter((what) => what === 'health').length;
const kills = (sidecar: FakeSidecar | undefined): string[] =>
  sidecar?.fate.filter((what) => what.startsWith('kill')) ?? [];

describe('a ready process', () => {
  test('is asked for its health every two seconds, and its measurements are shown', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    await s.clock.advance(6_000);
    expect(checks(s.last())).toBe(3);
    expect(s.supervisor.status()[0]?.instances[0]).toMatchObject({ eventLoopDelayP99Us: 42, pid: 1_000 });
    await s.supervisor.stop();
  });

  test('that misses three checks is killed and started again, within eight seconds', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const [first] = s.sidecars;
    if (first === undefined) throw new Error('not started');
    freeze(first, s.clock);
    await s.clock.advance(6_999);
    expect(s.supervisor.status()[0]?.health).toEqual({ kind: 'unresponsive', misses: 2 });
    expect(kills(first)).toEqual([]);
    await s.clock.advance(1);
    expect(kills(first)).toEqual([
      'kill: the process was killed: it did not answer 3 health checks of 1000 ms in a row',
    ]);
    await s.clock.advance(1_000);
    expect(s.supervisor.status()[0]).toMatchObject({
      serving: true,
      health: { kind: 'healthy' },
      restarts: 1,
    });
    await s.supervisor.stop();
  });

  test('that answers in between is not killed', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const answering = s.last().onHealth;
    for (let round = 0; round < 3; round += 1) {
      freeze(s.last(), s.clock);
      await s.clock.advance(5_500);
      s.last().onHealth = answering;
      await s.clock.advance(2_500);
    }
    expect(s.sidecars).toHaveLength(1);
    expect(s.supervisor.status()[0]?.health).toEqual({ kind: 'healthy' });
    await s.supervisor.stop();
  });

  test('whose check fails at once misses it too', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const [first] = s.sidecars;
    if (first === undefined) throw new Error('not started');
    first.onHealth = async () => Promise.reject(new Error('broken'));
    await s.clock.advance(6_000);
    expect(kills(first)).toHaveLength(1);
    await s.supervisor.stop();
  });

  test('is not killed because the host’s own loop stood still for ten seconds, again and again', async () => {
    const s = scene([plugin('a'), plugin('b')]);
    await s.supervisor.start();
    for (const sidecar of s.sidecars) answerLater(sidecar, s.clock);
    for (let round = 0; round < 6; round += 1) {
      // A check has just been sent; its timeout fires late, before the answer is read.
      while (checks(s.last()) <= round) await s.clock.advance(100);
      await s.clock.block(10_000);
    }
    expect(s.sidecars).toHaveLength(2);
    expect(s.supervisor.status().map((status) => status.health.kind)).toEqual(['healthy', 'healthy']);
    await s.supervisor.stop();
  });

  test('is given up although the host’s loop hiccups all the time', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    freeze(s.last(), s.clock);
    for (let round = 0; round < 16; round += 1) {
      await s.clock.advance(400);
      await s.clock.block(100);
    }
    await s.clock.advance(1_000);
    expect(s.sidecars.length).toBeGreaterThan(1);
    await s.supervisor.stop();
  });

  test('that says degraded serves on', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    s.last().onHealth = async () =>
      Promise.resolve(health(HealthState.HEALTH_STATE_DEGRADED, 'cache is cold'));
    await s.clock.advance(2_000);
    expect(s.supervisor.status()[0]).toMatchObject({
      serving: true,
      health: { kind: 'degraded', message: 'cache is cold' },
    });
    expect(s.events.filter(({ kind }) => kind === 'health')).toHaveLength(1);
    await s.supervisor.stop();
  });

  test('that says unhealthy is out of rotation until it reports better, and is not restarted', async () => {
    const s = scene([plugin('a')]);
    await s.supervisor.start();
    const answering = s.last().onHealth;
    s.last().onHealth = async () =>
      Promise.resolve(health(HealthState.HEALTH_STATE_UNHEALTHY, 'no database'));
    await s.clock.advance(20_000);
    expect(s.supervisor.notReady()).toEqual([
      { name: 'a', state: 'ready', reason: 'it says that it is unhealthy: no database', guard: true },
    ]);
    s.last().onHealth = answering;
    await s.clock.advance(2_000);
    expect(s.supervisor.notReady()).toEqual([]);
    expect(s.sidecars).toHaveLength(1);
    await s.supervisor.stop();
  });
});
