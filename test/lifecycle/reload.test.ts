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

describe('a reload', () => {
  test('under load loses no call', async () => {
    const h = await started({
      plugins: { m: { plugin: fixture('modify-all'), hooks: ['tool_pre_invoke'] } },
    });
    const load = underLoad(64, async () => h.host.invoke('tool_pre_invoke', { name: 'x', args: { a: 1 } }));
    const pids = new Set(h.pids('m'));
    for (let i = 0; i < 4; i += 1) {
      await moreCalls(load, 300);
      await h.host.reload('m');
      pids.add(h.pids('m')[0] ?? 0);
    }
    await moreCalls(load, 300);
    await load.stop();
    expect([...load.outcomes.keys()]).toEqual(['allowed']);
    expect(pids.size).toBe(5);
  });

  test('of several instances under load loses no call', async () => {
    const h = await started({
      plugins: { m: { plugin: fixture('modify-all'), hooks: ['tool_pre_invoke'], instances: 2 } },
    });
    const before = h.pids('m');
    const load = underLoad(16, async () => h.host.invoke('tool_pre_invoke', { name: 'x', args: {} }));
    await moreCalls(load, 100);
    await h.host.reload('m');
    await moreCalls(load, 100);
    await load.stop();
    expect([...load.outcomes.keys()]).toEqual(['allowed']);
    expect(h.pids('m')).toHaveLength(2);
    expect(h.pids('m').some((pid) => before.includes(pid))).toBe(false);
  });

  test('whose old process crashes while it drains loses no call: each is answered or fails at once', async () => {
    const h = await started({ plugins: { slow: { plugin: fixture('slow') } } });
    const invoke = async (sleepMs: number): Promise<string> => {
      const result = await h.host.invoke('tool_pre_invoke', { name: 'x', args: { sleep_ms: sleepMs } });
      return result.allowed ? 'allowed' : result.violation.code;
    };
    const [old] = h.pids('slow');
    if (old === undefined) throw new Error('not started');
    const underWay = Array.from({ length: 20 }, async () => invoke(4_000));
    const swapped = h.next(
      (event) => event.kind === 'state' && event.to.kind === 'draining' && event.to.pid === old,
    );
    const reloaded = h.host.reload('slow');
    await swapped;
    const after = Array.from({ length: 20 }, async () => invoke(50));
    process.kill(old, 'SIGKILL');
    expect(new Set(await Promise.all(underWay))).toEqual(new Set(['PLUGIN_UNAVAILABLE']));
    expect(new Set(await Promise.all(after))).toEqual(new Set(['allowed']));
    await reloaded;
    expect(h.pids('slow')).not.toContain(old);
    expect(h.host.status()).toMatchObject({ notReady: [], plugins: [{ restarts: 0, serving: true }] });
  });
});

describe('apply', () => {
  test('changes what changed and leaves other processes alone', async () => {
    const m = { plugin: fixture('modify-all'), hooks: ['tool_pre_invoke'] };
    const same = { plugin: fixture('noop') };
    const h = await started({ plugins: { m: { ...m, config: { tag: 'old' } }, same } });
    const [samePid] = h.pids('same');
    const report = await h.host.apply({
      ...h.config,
      plugins: {
        m: { ...m, config: { tag: 'new' } },
        same,
        added: { plugin: fixture('deny'), priority: 900 },
      },
    });
    expect(report).toMatchObject({ reloaded: ['m'], started: ['added'], stopped: [], failed: [] });
    expect(h.pids('same')).toEqual([samePid]);
    const result = await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} });
    expect(result).toMatchObject({ allowed: false, violation: { code: 'NOT_TODAY', plugin: 'added' } });
    expect(result.payload).toMatchObject({ args: { tag: 'new' } });
  });

  test('with a configuration that the plugin refuses leaves the old process serving', async () => {
    const good = { plugin: fixture('fail-setup'), config: { fail: false } };
    const h = await started({ plugins: { picky: good } });
    const [pid] = h.pids('picky');
    const report = await h.host.apply({
      ...h.config,
      plugins: { picky: { ...good, config: { fail: true } } },
    });
    expect(report.failed).toMatchObject([{ name: 'picky', failure: { code: 'SETUP_FAILED' } }]);
    expect(h.pids('picky')).toEqual([pid]);
    expect((await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} })).allowed).toBe(true);
  });

  test('with a faulty configuration changes nothing', async () => {
    const h = await started({ plugins: { noop: { plugin: fixture('noop') } } });
    await expect(h.host.apply({ ...h.config, plugins: { noop: { mood: 'odd' } } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    expect(h.host.status().notReady).toEqual([]);
  });

  test('takes custom hooks with it', async () => {
    const h = await started({ plugins: {} });
    expect(h.host.listens('tool_pre_invoke')).toBe(false);
    const custom_hooks = {
      order_placed: {
        payload: { type: 'object', properties: { total: { type: 'number' } }, required: ['total'] },
      },
    };
    await h.host.apply({ ...h.config, custom_hooks });
    expect((await h.host.invoke('order_placed', { total: 3 })).payload).toEqual({ total: 3 });
    await expect(h.host.invoke('order_placed', { total: 'three' })).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
    });
    await h.host.apply(h.config);
    await expect(h.host.invoke('order_placed', { total: 3 })).rejects.toMatchObject({ code: 'UNKNOWN_HOOK' });
  });
});

test('disable takes a plugin out of the pipeline, enable puts it back', async () => {
  const h = await started({ plugins: { deny: { plugin: fixture('deny') } } });
  const allowed = async (): Promise<boolean> =>
    (await h.host.invoke('tool_pre_invoke', { name: 'x' })).allowed;
  expect(await allowed()).toBe(false);
  await h.host.disable('deny');
  expect(await allowed()).toBe(true);
  expect(h.pids('deny')).toEqual([]);
  await h.host.enable('deny');
  expect(await allowed()).toBe(false);
});
