import { afterEach, expect, test } from 'vitest';
import { fixture, moreCalls, realHost, underLoad, type RealHost } from './real-host.test-support.js';

let running: RealHost | undefined;

async function started(plugins: Readonly<Record<string, object>>): Promise<RealHost> {
  running = await realHost({ plugins });
  await running.host.start();
  return running;
}

afterEach(async () => {
  const closing = running;
  running = undefined;
  await closing?.close();
});

test('twenty reloads in a row under 64 in flight and 50,000 calls lose none', async () => {
  const h = await started({ m: { plugin: fixture('modify-all'), hooks: ['tool_pre_invoke'] } });
  const load = underLoad(64, async () => h.host.invoke('tool_pre_invoke', { name: 'x', args: { a: 1 } }));
  for (let i = 0; i < 20; i += 1) {
    await moreCalls(load, 2_500);
    await h.host.reload('m');
  }
  await load.stop();
  expect(load.calls()).toBeGreaterThanOrEqual(50_000);
  expect([...load.outcomes.keys()]).toEqual(['allowed']);
});

test('a process stopped by SIGSTOP is back within eight seconds', async () => {
  const h = await started({ noop: { plugin: fixture('noop') } });
  const [pid] = h.pids('noop');
  if (pid === undefined) throw new Error('not started');
  const restarted = h.ready('noop');
  const began = performance.now();
  process.kill(pid, 'SIGSTOP');
  await restarted;
  expect(performance.now() - began).toBeLessThan(8_000);
});

test('a host loop that stands still for ten seconds kills nobody', async () => {
  const h = await started({ a: { plugin: fixture('noop') }, b: { plugin: fixture('noop') } });
  const pids = [h.pids('a'), h.pids('b')];
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 2_050));
    const end = performance.now() + 10_000;
    while (performance.now() < end);
  }
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect([h.pids('a'), h.pids('b')]).toEqual(pids);
});

test('two instances of a CPU-bound plugin do at least 1.6 times the work of one', async () => {
  const cpu = { plugin: fixture('cpu-bound'), timeout_ms: 60_000 };
  const h = await started({
    one: { ...cpu, hooks: ['tool_pre_invoke'] },
    two: { ...cpu, instances: 2, enabled: false },
  });
  const work = { name: 'x', args: { rounds: 2_000 } };
  const callsIn = async (ms: number): Promise<number> => {
    const load = underLoad(16, async () => h.host.invoke('tool_pre_invoke', work));
    await moreCalls(load, 50);
    const before = load.calls();
    await new Promise((resolve) => setTimeout(resolve, ms));
    const calls = load.calls() - before;
    await load.stop();
    expect([...load.outcomes.keys()]).toEqual(['allowed']);
    return calls;
  };
  const ratios: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await h.host.disable('two');
    await h.host.enable('one');
    const one = await callsIn(3_000);
    await h.host.disable('one');
    await h.host.enable('two');
    ratios.push((await callsIn(3_000)) / one);
  }
  expect(ratios.toSorted((a, b) => a - b)[1]).toBeGreaterThanOrEqual(1.6);
});
