import { afterEach, describe, expect, test } from 'vitest';
import { fixture, isAlive, realHost, type RealHost } from './real-host.test-support.js';

let running: RealHost | undefined;

async function started(config: Parameters<typeof realHost>[0]): Promise<RealHost> {
  running = await realHost(config);
  await running.host.start();
  return running;
}

afterEach(async () => {
  const closing = running;
  running = undefined;
  await closing?.close();
});

// The shape of the real settings, ten times as fast.
const QUICK = { health_interval_ms: 200, health_timeout_ms: 100 };

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('a process that does not answer', () => {
  test('because it was stopped (SIGSTOP) is killed and replaced', async () => {
    const h = await started({ plugins: { noop: { plugin: fixture('noop') } }, lifecycle: QUICK });
    const [pid] = h.pids('noop');
    if (pid === undefined) throw new Error('not started');
    const restarted = h.ready('noop');
    process.kill(pid, 'SIGSTOP');
    await restarted;
    expect(isAlive(pid)).toBe(false);
    expect(h.pids('noop')).not.toContain(pid);
    expect((await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} })).allowed).toBe(true);
    expect(h.log.join('')).toContain('did not answer 3 health checks of 100 ms in a row');
  });

  test('because it spins fails its calls at their deadline, and is replaced', async () => {
    const h = await started({
      plugins: { spin: { plugin: fixture('spin'), timeout_ms: 200 } },
      lifecycle: QUICK,
    });
    const restarted = h.ready('spin');
    const result = await h.host.invoke('tool_pre_invoke', { name: 'x', args: { spin_ms: 60_000 } });
    expect(result).toMatchObject({ allowed: false, violation: { code: 'DEADLINE_EXCEEDED' } });
    await restarted;
    expect((await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} })).allowed).toBe(true);
  });

  test('is not blamed for a host whose own loop stood still', async () => {
    const h = await started({
      plugins: { a: { plugin: fixture('noop') }, b: { plugin: fixture('noop') } },
      lifecycle: QUICK,
    });
    const pids = [h.pids('a'), h.pids('b')];
    for (let round = 0; round < 4; round += 1) {
      // Somewhere in the middle of a check.
      await new Promise((resolve) => setTimeout(resolve, 210));
      block(1_000);
    }
    // Long enough for a verdict, had one been reached.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([h.pids('a'), h.pids('b')]).toEqual(pids);
    expect(h.host.status().plugins.map(({ restarts }) => restarts)).toEqual([0, 0]);
  });
});

test('an unhealthy plugin is out of rotation until it reports better', async () => {
  const h = await started({ plugins: { moody: { plugin: fixture('unhealthy') } }, lifecycle: QUICK });
  const health = async (kind: string): Promise<unknown> =>
    h.next((event) => event.kind === 'health' && event.health.kind === kind);
  const degraded = health('degraded');
  await h.host.invoke('tool_pre_invoke', { name: 'x', args: { health: 'degraded' } });
  await degraded;
  expect(h.host.status().plugins[0]).toMatchObject({
    serving: true,
    health: { kind: 'degraded', message: 'the cache is cold' },
  });
  const unhealthy = health('unhealthy');
  const better = health('healthy');
  await h.host.invoke('tool_pre_invoke', { name: 'x', args: { health: 'unhealthy' } });
  await unhealthy;
  expect(await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} })).toMatchObject({
    allowed: false,
    violation: { code: 'PLUGIN_UNAVAILABLE' },
  });
  await better;
  expect((await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} })).allowed).toBe(true);
  expect(h.host.status().plugins[0]?.restarts).toBe(0);
});
