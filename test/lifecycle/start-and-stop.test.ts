import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fixture, realHost, type RealHost } from './real-host.test-support.js';

let running: RealHost | undefined;

async function prepared(config: Parameters<typeof realHost>[0]): Promise<RealHost> {
  running = await realHost(config);
  return running;
}

afterEach(async () => {
  const closing = running;
  running = undefined;
  await closing?.close();
});

describe('start', () => {
  test('rejects when a guard hangs in its setup, and stops the others again', async () => {
    const h = await prepared({
      plugins: { good: { plugin: fixture('noop') }, bad: { plugin: fixture('hang-setup') } },
      lifecycle: { start_timeout_ms: 1_500 },
    });
    await expect(h.host.start()).rejects.toMatchObject({
      code: 'GUARD_NOT_READY',
      message: expect.stringMatching(/bad \(failed, START_TIMEOUT: /),
    });
    expect(h.host.status().state).toBe('stopped');
    await expect(h.host.invoke('tool_pre_invoke', { name: 'x' })).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
  });

  test('goes on without a plugin that does not guard, and says why with its last words', async () => {
    const h = await prepared({
      plugins: {
        watcher: { plugin: fixture('fail-setup'), mode: 'audit' },
        good: { plugin: fixture('noop') },
      },
    });
    await h.host.start();
    const { notReady, state } = h.host.status();
    expect(state).toBe('running');
    expect(notReady).toMatchObject([{ name: 'watcher', guard: false }]);
    expect(notReady[0]?.reason).toContain('the licence has expired');
    expect((await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} })).allowed).toBe(true);
    const failed = h.host.status().plugins[0]?.state;
    expect(failed?.kind === 'failed' ? failed.failure.lastLines.join('\n') : '').toContain(
      'these are the last words',
    );
  });

  test('names a plugin without the SDK among its dependencies', async () => {
    const bare = await mkdtemp(join(tmpdir(), 'bulkhead-bare-'));
    try {
      for (const file of ['package.json', 'plugin.yaml', 'index.js'])
        await cp(join(fixture('noop'), file), join(bare, file));
      const h = await prepared({ plugins: { bare: { plugin: bare } } });
      await expect(h.host.start()).rejects.toMatchObject({
        message: expect.stringMatching(
          /SPAWN_FAILED: plugin 'bare': expected @bulkhead\/sdk among the dependencies/,
        ),
      });
    } finally {
      await rm(bare, { recursive: true, force: true });
    }
  });

  test('gives each entry a private directory of its own', async () => {
    const h = await prepared({ plugins: { noop: { plugin: fixture('noop') } } });
    await h.host.start();
    const { mode } = await stat(join(h.dataDir, 'data', 'noop'));
    expect(mode & 0o777).toBe(0o700);
  });
});

describe('stop', () => {
  // Sum of the ladder's bounds, and a second for the machine.
  const LADDER = { stop_drain_ms: 300, stop_term_ms: 300, stop_kill_ms: 500 };

  test.each(['hang-shutdown', 'ignore-term'])('ends a plugin that does %s', async (name) => {
    const h = await prepared({ plugins: { stubborn: { plugin: fixture(name) } }, lifecycle: LADDER });
    await h.host.start();
    await h.close();
    running = undefined;
    expect(h.events.at(-1)).toMatchObject({ kind: 'state', to: { kind: 'stopped' } });
  });

  test('lets a request in flight go through all of its plugins', async () => {
    const h = await prepared({
      plugins: {
        slow: { plugin: fixture('slow'), priority: 1 },
        later: { plugin: fixture('modify-all'), hooks: ['tool_pre_invoke'], priority: 2 },
      },
    });
    await h.host.start();
    const call = h.host.invoke('tool_pre_invoke', { name: 'x', args: { sleep_ms: 300 } });
    const stopped = h.host.stop();
    await expect(h.host.invoke('tool_pre_invoke', { name: 'x' })).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
    expect(await call).toMatchObject({ allowed: true, changedBy: ['later'] });
    await stopped;
  });

  test('waits no longer for calls on a process that crashes while it drains, and each of them ends', async () => {
    const h = await prepared({ plugins: { slow: { plugin: fixture('slow') } } });
    await h.host.start();
    const [pid] = h.pids('slow');
    if (pid === undefined) throw new Error('not started');
    const underWay = Array.from({ length: 20 }, async () => {
      const result = await h.host.invoke('tool_pre_invoke', { name: 'x', args: { sleep_ms: 4_000 } });
      return result.allowed ? 'allowed' : result.violation.code;
    });
    const stopped = h.host.stop();
    process.kill(pid, 'SIGKILL');
    expect(new Set(await Promise.all(underWay))).toEqual(new Set(['PLUGIN_UNAVAILABLE']));
    await stopped;
  });

  test('while plugins start leaves nothing behind', async () => {
    const h = await prepared({ plugins: { hangs: { plugin: fixture('hang-setup'), mode: 'audit' } } });
    const started = h.host.start();
    await h.next((event) => event.kind === 'state' && event.to.kind === 'starting').catch(() => undefined);
    await h.host.stop();
    await started;
  });
});

describe('a handler that fails', () => {
  test.each([
    ['throwing', 'PLUGIN_ERROR'],
    ['wrong-answer', 'INVALID_ANSWER'],
  ])('(%s) refuses what it guards with %s, and the process lives on', async (name, code) => {
    const h = await prepared({ plugins: { broken: { plugin: fixture(name) } } });
    await h.host.start();
    const [pid] = h.pids('broken');
    for (let i = 0; i < 3; i += 1) {
      const result = await h.host.invoke('tool_pre_invoke', { name: 'x', args: {} });
      expect(result).toMatchObject({
        allowed: false,
        refusal: 'failed',
        violation: { code, plugin: 'broken' },
      });
    }
    expect(h.pids('broken')).toEqual([pid]);
  });
});

test('a plugin that floods its log goes on answering, and its neighbour too', async () => {
  const h = await prepared({
    plugins: {
      flood: { plugin: fixture('flood-log'), hooks: ['tool_pre_invoke'] },
      good: { plugin: fixture('noop') },
    },
  });
  await h.host.start();
  const result = await h.host.invoke('tool_pre_invoke', { name: 'x', args: { lines: 5_000, length: 200 } });
  expect(result.allowed).toBe(true);
  expect(h.host.status().notReady).toEqual([]);
});
