import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBulkheadError, type BulkheadError } from '@bulkhead/proto';
import { describeLaunch, fixture, Harness, WALLS, declaring } from './launch.test-support.js';
import type { LaunchDescription, Sidecar } from './sidecar.js';

// After each of these the harness looks for a process, a socket or a directory that is left.
describe.each(WALLS)('behind the wall %s:', (kind) => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness(kind);
  });
  afterEach(() => harness.close());

  async function failure(start: Promise<Sidecar>): Promise<BulkheadError> {
    try {
      await start;
    } catch (error) {
      if (isBulkheadError(error)) return error;
      throw error;
    }
    throw new Error('the start was expected to fail');
  }

  const badStart = (vice: string, change: Partial<LaunchDescription> = {}): Promise<BulkheadError> =>
    failure(harness.start({ command: [process.execPath, fixture('bad-start.mjs'), vice], ...change }));

  test('a process that exits at once is reported with its code and its last stderr lines', async () => {
    const error = await badStart('exit-at-once');
    expect(error).toMatchObject({
      code: 'PLUGIN_EXITED',
      retryable: true,
      details: { exitCode: 3, signal: null, lastLines: ['cannot find module of mine'] },
    });
    expect(error.message).toContain('exit code 3');
    expect(error.message).toContain('cannot find module of mine');
  });

  test('a process that dies by a signal before the handshake is reported with the signal', async () => {
    const error = await badStart('die-by-signal');
    expect(error).toMatchObject({ code: 'PLUGIN_EXITED', details: { exitCode: null, signal: 'SIGABRT' } });
  });

  test('a process that is killed between its handshake line and the connection is reported with the signal', async () => {
    const error = await badStart('killed-before-connect');
    expect(error).toMatchObject({
      code: 'PLUGIN_EXITED',
      retryable: true,
      details: { exitCode: null, signal: 'SIGKILL' },
    });
    expect(error.message).toContain('while connecting');
    expect(readdirSync(harness.runDir)).toEqual([]);
  });

  test('the last words of a process are read to their end', async () => {
    const { details } = await badStart('last-words');
    expect(details['lastLines']).toHaveLength(50);
    expect((details['lastLines'] as string[]).at(-1)).toMatch(/ 999$/);
  });

  test('garbage before the handshake is quoted, at most 200 bytes of it and without control characters', async () => {
    const error = await badStart('garbage');
    expect(error.code).toBe('HANDSHAKE_INVALID');
    expect(error.message).toContain('hello');
    expect(error.message).not.toContain('\u001b');
    expect(error.message.match(/x{2,}/)?.[0].length).toBeLessThanOrEqual(200);
  });

  test('more than 4 KiB without a newline is refused without waiting for the rest', async () => {
    const error = await badStart('no-newline');
    expect(error.code).toBe('HANDSHAKE_INVALID');
    expect(error.message).toContain('4096 bytes');
    expect(error.message.match(/y{2,}/)?.[0].length).toBe(200);
  });

  test('a process that closes its stdout without a word and lives on is killed', async () => {
    expect(await badStart('close-stdout')).toMatchObject({ code: 'PLUGIN_EXITED' });
  });

  test('a start that hangs ends with START_TIMEOUT and its whole tree is killed', async () => {
    const error = await badStart('hang', { startTimeoutMs: 600 });
    expect(error).toMatchObject({ code: 'START_TIMEOUT', retryable: true });
    expect(error.message).toContain('waiting for the handshake line');
    expect(error.message).toContain('600 ms');
  });

  test('a plugin that hangs in Initialize ends with START_TIMEOUT and says so', async () => {
    const error = await failure(harness.plugin('hang-in-initialize', { startTimeoutMs: 1_500 }));
    expect(error.code).toBe('START_TIMEOUT');
    expect(error.message).toContain('initializing');
  });

  test('a plugin that says NOT_SERVING for ever is never ready: START_TIMEOUT', async () => {
    const error = await failure(harness.plugin('no-link,go,never-serving', { startTimeoutMs: 1_500 }));
    expect(error.code).toBe('START_TIMEOUT');
    expect(error.message).toContain('still waiting until it serves');
  });

  test('a plugin that says NOT_SERVING at first is ready when it serves', async () => {
    const sidecar = await harness.plugin('no-link,go,serving-later');
    expect(await sidecar.health(5_000)).toMatchObject({ message: '' });
  });

  test('a setup function that throws is SETUP_FAILED with what it threw', async () => {
    const error = await failure(harness.plugin('throw-in-initialize'));
    expect(error.code).toBe('SETUP_FAILED');
    expect(error.message).toContain('no such model: gpt-0');
  });

  test('a process that ends during Handshake is reported by its exit, not by the broken connection', async () => {
    const error = await failure(harness.plugin('exit-in-handshake'));
    expect(error).toMatchObject({ code: 'PLUGIN_EXITED', details: { exitCode: 4 } });
    expect(error.message).toContain('connecting');
  });

  test('a program that does not exist is SPAWN_FAILED and not worth another try', async () => {
    const error = await failure(harness.start({ command: ['/nonexistent/program'] }));
    expect(error).toMatchObject({ code: 'SPAWN_FAILED', retryable: false });
    expect(error.message).toContain('ENOENT');
  });

  test('a start that is cancelled ends at once with CANCELLED', async () => {
    const controller = new AbortController();
    const start = harness.launcher()(
      describeLaunch({ env: { FIXTURE: 'hang-in-initialize' } }),
      controller.signal,
    );
    controller.abort();
    expect((await failure(start)).code).toBe('CANCELLED');
  });

  test.for([
    ['other-version', 'API version 2'],
    ['other-api', 'chose API version 2'],
  ])('a plugin with %s is PROTOCOL_INCOMPATIBLE, permanently', async ([vice, said]) => {
    const error = await failure(harness.plugin(vice ?? ''));
    expect(error).toMatchObject({ code: 'PROTOCOL_INCOMPATIBLE', retryable: false });
    expect(error.message).toContain(said);
  });

  test.for(['no-certificate', 'wrong-certificate', 'expired-certificate', 'plaintext', 'trust-nobody'])(
    'under mTLS a plugin with %s is CERTIFICATE_REFUSED',
    async (vice) => {
      const error = await failure(harness.plugin(vice, { mtls: true }));
      expect(`${error.code} ${error.message}`).toMatch(/^CERTIFICATE_REFUSED/);
    },
  );

  test('a process that registers other hooks than its manifest declares is REGISTRATION_MISMATCH, permanently', async () => {
    const env = { FIXTURE_HOOKS: 'tool_pre_invoke,http_pre_request' };
    const declared = declaring('tool_pre_invoke', 'tool_post_invoke');
    const error = await failure(harness.plugin('', { env, declared }));
    expect(error).toMatchObject({ code: 'REGISTRATION_MISMATCH', retryable: false });
    expect(error.message).toContain('hook "tool_post_invoke" declared and not registered');
    expect(error.message).toContain('hook "http_pre_request" registered and not declared');
    await harness.plugin('', { env, declared: declaring('tool_pre_invoke', 'http_pre_request') });
  });

  test.for(['methods-twice', 'many-methods'])('a Handshake with %s is PROTOCOL_ERROR', async (vice) => {
    expect(await failure(harness.plugin(vice))).toMatchObject({ code: 'PROTOCOL_ERROR' });
  });

  test('a process that registers a hook twice is REGISTRATION_MISMATCH', async () => {
    const env = { FIXTURE_HOOKS: 'tool_pre_invoke,tool_pre_invoke' };
    const error = await failure(harness.plugin('', { env, declared: declaring('tool_pre_invoke') }));
    expect(error.code).toBe('REGISTRATION_MISMATCH');
  });

  test('an address outside the launch directory is refused, and nobody connects to it', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'bh-else-'));
    const foreign = createServer().listen(join(elsewhere, 's.sock'));
    await once(foreign, 'listening');
    let connections = 0;
    foreign.on('connection', () => (connections += 1));
    const error = await failure(harness.plugin('', { env: { FIXTURE_ADDRESS: join(elsewhere, 's.sock') } }));
    expect(error.code).toBe('ADDRESS_REFUSED');
    expect(connections).toBe(0);
    foreign.close();
    rmSync(elsewhere, { recursive: true });
  });

  test.for(['relative.sock', '/../etc/s.sock', ''])('an address like %j is refused', async (address) => {
    const env = { FIXTURE_ADDRESS: address };
    const error = await failure(harness.plugin('', { env }));
    expect(['ADDRESS_REFUSED', 'HANDSHAKE_INVALID']).toContain(error.code);
  });

  test('TCP is refused where the entry does not say so', async () => {
    expect((await failure(harness.plugin('tcp'))).code).toBe('ADDRESS_REFUSED');
  });

  test('a run directory that cannot be made fails the start and leaves nothing', async () => {
    symlinkSync('/proc/nowhere', join(harness.runDir, 'link'));
    const start = harness.start({}, { runDir: join(harness.runDir, 'link', 'run') });
    expect((await failure(start)).code).toBe('SPAWN_FAILED');
    rmSync(join(harness.runDir, 'link'));
  });
});
