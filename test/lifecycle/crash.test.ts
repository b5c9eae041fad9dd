import { afterEach, describe, expect, test } from 'vitest';
import { fixture, moreCalls, realHost, underLoad, type RealHost } from './real-host.test-support.js';

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

const PRE = ['tool_pre_invoke'];

describe('kill -9 under load', () => {
  test('refuses what the guard guards at once, leaves other plugins alone, and the guard is back', async () => {
    const h = await started({
      plugins: {
        guard: { plugin: fixture('modify-all'), hooks: PRE },
        other: { plugin: fixture('stateful'), hooks: ['tool_post_invoke'] },
      },
    });
    const [pid] = h.pids('guard');
    if (pid === undefined) throw new Error('not started');
    const guarded = underLoad(16, async () => h.host.invoke('tool_pre_invoke', { name: 'echo', args: {} }));
    const others = underLoad(8, async () => h.host.invoke('tool_post_invoke', { name: 'echo', result: 1 }));
    await moreCalls(guarded, 200);
    const restarted = h.ready('guard');
    process.kill(pid, 'SIGKILL');
    await h.next((event) => event.kind === 'restart');
    expect(h.host.status().notReady).toMatchObject([{ name: 'guard', state: 'failed', guard: true }]);
    await restarted;
    await moreCalls(guarded, 200);
    await Promise.all([guarded.stop(), others.stop()]);
    expect([...others.outcomes.keys()]).toEqual(['allowed']);
    expect([...guarded.outcomes.keys()].toSorted()).toEqual(['PLUGIN_UNAVAILABLE', 'allowed']);
    expect(h.host.status()).toMatchObject({ notReady: [], plugins: [{ restarts: 1 }, { restarts: 0 }] });
    expect(h.log.join('')).toMatch(/"code":"PLUGIN_EXITED".*failed, starting again: .*SIGKILL/);
  });

  test('of one instance fails its own calls alone', async () => {
    const h = await started({
      plugins: { slow: { plugin: fixture('slow'), instances: 2 } },
    });
    const calls = Array.from({ length: 8 }, async () =>
      h.host.invoke('tool_pre_invoke', { name: 'x', args: { sleep_ms: 300 } }),
    );
    const [pid] = h.pids('slow');
    if (pid === undefined) throw new Error('not started');
    const restarted = h.ready('slow');
    process.kill(pid, 'SIGKILL');
    const outcomes = (await Promise.all(calls)).map((result) => result.allowed);
    expect(outcomes.filter((allowed) => allowed)).toHaveLength(4);
    const after = await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} });
    expect(after.allowed).toBe(true);
    await restarted;
  });
});

describe('a plugin that ends by itself', () => {
  test.each(['exit', 'kill', 'throw'])(
    'by %s fails that call in milliseconds, and is started again',
    async (crash) => {
      const h = await started({ plugins: { fragile: { plugin: fixture('crash-on-call') } } });
      const restarted = h.ready('fragile');
      const began = performance.now();
      const result = await h.host.invoke('tool_pre_invoke', { name: 'x', args: { crash } });
      expect(result).toMatchObject({
        allowed: false,
        refusal: 'failed',
        violation: { code: 'PLUGIN_UNAVAILABLE' },
      });
      // The deadline is 5 s; it was not waited for.
      expect(performance.now() - began).toBeLessThan(3_000);
      await restarted;
      expect((await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} })).allowed).toBe(true);
      const failure = h.events.flatMap((event) => (event.kind === 'restart' ? [event.failure] : []))[0];
      expect(failure?.code).toBe('PLUGIN_EXITED');
      if (crash !== 'kill') expect(failure?.lastLines.join('\n')).toContain(`about to crash: ${crash}`);
    },
  );

  test('again and again is quarantined, and an operator brings it back', async () => {
    const h = await started({
      plugins: { fragile: { plugin: fixture('crash-on-call') } },
      lifecycle: { crash_limit: 3, backoff_initial_ms: 10 },
    });
    for (let i = 0; i < 3; i += 1) {
      const settled = h.next(
        (event) => event.kind === 'state' && (event.to.kind === 'ready' || event.to.kind === 'quarantined'),
      );
      await h.host.invoke('tool_pre_invoke', { name: 'x', args: { crash: 'exit' } });
      await settled;
    }
    expect(h.host.status().plugins[0]?.state).toMatchObject({
      kind: 'quarantined',
      failure: { code: 'PLUGIN_EXITED' },
    });
    expect(h.host.status().notReady[0]?.reason).toMatch(/^quarantined, PLUGIN_EXITED/);
    await h.host.enable('fragile');
    expect(h.host.status().notReady).toEqual([]);
  });
});
