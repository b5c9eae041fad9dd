import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RuntimeClock } from '../runtime/clock.js';
import { CurrentCall } from '../runtime/current-call.js';
import { guardFetch } from './guarded-fetch.js';
import { openNetwork } from './network.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sdk-network-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const never: RuntimeClock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
const answering: typeof fetch = () => Promise.resolve(new Response('answer'));

test('without a grant fetch says what to ask for; what needs no network works', async () => {
  const globals = { fetch };
  const network = await openNetwork(
    { kind: 'refused' },
    { clock: never, calls: new CurrentCall(never), env: {}, globals },
  );
  expect(globals.fetch).toBe(network.http.fetch);
  await expect(globals.fetch('https://api.example/v1')).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
    field: 'api.example:443',
    message: expect.stringContaining("Name 'api.example:443' under permissions.network") as unknown,
  });
  expect(await (await globals.fetch('data:,hello')).text()).toBe('hello');
});

test('under a host that grants nothing and refuses nothing, the global fetch is left alone', async () => {
  const globals = { fetch: answering };
  const env = {};
  const network = await openNetwork(
    { kind: 'direct' },
    { clock: never, calls: new CurrentCall(never), env, globals },
  );
  expect(globals.fetch).toBe(answering);
  expect(env).toEqual({});
  expect(await (await network.http.fetch('https://api.example/')).text()).toBe('answer');
});

test('libraries that read the usual variables find the proxy, and no exceptions from it', async () => {
  const env: Record<string, string | undefined> = { NO_PROXY: 'internal' };
  const proxies: unknown[] = [];
  const platform = {
    setGlobalProxyFromEnv(given?: object) {
      proxies.push(given);
      return () => {};
    },
  };
  const egressSocket = join(directory, 'egress.sock');
  const parts = { clock: never, calls: new CurrentCall(never), env, globals: { fetch: answering } };
  await openNetwork({ kind: 'granted', egressSocket }, { ...parts, platform });
  expect(env['HTTPS_PROXY']).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(env).not.toHaveProperty('NO_PROXY');
  expect(proxies).toEqual([{ http_proxy: env['HTTP_PROXY'], https_proxy: env['HTTPS_PROXY'] }]);
});

test('a request that takes too long fails with DEADLINE_EXCEEDED, and its author may give it longer', async () => {
  const limits: number[] = [];
  let expire = (): void => {};
  const clock: RuntimeClock = {
    ...never,
    after(delayMs, callback) {
      limits.push(delayMs);
      expire = callback;
      return () => {};
    },
  };
  const hanging: typeof fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      const { signal } = init ?? {};
      // What fetch rejects with is the reason of its signal.
      signal?.addEventListener('abort', () => {
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      });
    });
  const guarded = guardFetch({ fetch: hanging, clock, callSignal: () => undefined });
  const first = guarded('https://api.example/');
  expire();
  await expect(first).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  const own = new AbortController();
  const second = guarded('https://api.example/', { timeoutMs: 120_000, signal: own.signal });
  own.abort(new Error('the author’s own reason'));
  await expect(second).rejects.toThrow('the author’s own reason');
  expect(limits).toEqual([30_000, 120_000]);
});
