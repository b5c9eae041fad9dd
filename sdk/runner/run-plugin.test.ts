import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { credentials, type Client } from '@grpc/grpc-js';
import { isBulkheadError } from '@bulkhead/proto';
import { LogLevel, WriteRequest, WriteResponse } from '@bulkhead/proto/host';
import { createCertificate } from '@bulkhead/proto/handshake';
import { Link, openLinkStream } from '@bulkhead/proto/link';
import {
  CheckHealthResponse,
  Decision,
  HandshakeRequest,
  HandshakeResponse,
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
  HealthState,
  InitializeResponse,
  InvokeResponse,
  ShutdownRequest,
} from '@bulkhead/proto/plugin';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  COOKIE,
  INVOKE,
  Workshop,
  call,
  hostCredentials,
  initializeBody,
  invokeBody,
  type PluginProcess,
} from './runner.test-support.js';

const HEALTH = '/grpc.health.v1.Health/Check';
const CONTROLLER = '/plugin.GRPCController/Shutdown';
const LIFE = '/bulkhead.plugin.v1.PluginService';
const LOG = '/bulkhead.host.v1.LogService/Write';
const NOTHING = new Uint8Array(0);

const workshop = new Workshop();
beforeAll(() => workshop.build());
afterEach(() => workshop.endProcesses());
afterAll(() => {
  workshop.remove();
});

const code = (expected: string, text = /./) =>
  expect.toSatisfy((error) => isBulkheadError(error) && error.code === expected && text.test(error.message));

async function startReady(config = {}): Promise<{ plugin: PluginProcess; client: Client }> {
  const plugin = workshop.start('behaviours.mjs');
  const client = workshop.connect(await plugin.handshake());
  await call(client, `${LIFE}/Initialize`, initializeBody(config));
  return { plugin, client };
}

function healthOf(client: Client, service: string): Promise<Uint8Array> {
  return call(client, HEALTH, HealthCheckRequest.encode({ service }).finish());
}

/** Opens the link as the host does, and serves the log on it. */
async function openLink(
  client: Client,
): Promise<{ link: Link; lines: { message: string; level: LogLevel }[] }> {
  const request = HandshakeRequest.encode({
    apiVersions: [1],
    hostVersion: '0.1.0',
    hostMethods: [LOG],
  }).finish();
  const answer = HandshakeResponse.decode(await call(client, `${LIFE}/Handshake`, request));
  const lines: { message: string; level: LogLevel }[] = [];
  const handler = (body: Uint8Array): Uint8Array => {
    lines.push(...WriteRequest.decode(body).lines);
    return WriteResponse.encode({ dropped: 0 }).finish();
  };
  const link = new Link(openLinkStream(client), {
    serve: [{ path: LOG, handler }],
    remoteMethods: answer.pluginMethods,
  });
  return { link, lines };
}

describe('the handshake', () => {
  it('is refused without the cookie: stderr explains, stdout stays empty, the exit code is 1', async () => {
    const plugin = workshop.start('behaviours.mjs', {});
    expect(await plugin.exited).toMatchObject({ code: 1 });
    expect(plugin.stdout()).toBe('');
    expect(plugin.stderr()).toContain('This is a Bulkhead plugin. It is started by a plugin host');
  });

  it('is one line with a socket in the directory that the host named, for the owner alone', async () => {
    const plugin = workshop.start('behaviours.mjs');
    const line = await plugin.handshake();
    expect(plugin.stdout()).toMatch(/^1\|1\|unix\|[^|]+\|grpc\|\n$/);
    expect(dirname(line.address)).toBe(workshop.directory);
    expect(statSync(line.address).mode & 0o777).toBe(0o600);
  });

  it('has a seventh field, false, for a host that asks about multiplexing', async () => {
    const plugin = workshop.start('behaviours.mjs', { ...COOKIE, PLUGIN_MULTIPLEX_GRPC: 'true' });
    expect(await plugin.handshake()).toMatchObject({ multiplex: false });
  });

  it('makes a private directory of its own where the host names none, and removes it', async () => {
    const plugin = workshop.start('behaviours.mjs', {
      ...COOKIE,
      PLUGIN_UNIX_SOCKET_DIR: '',
      TMPDIR: workshop.directory,
    });
    const directory = dirname((await plugin.handshake()).address);
    expect(dirname(directory)).toBe(workshop.directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    plugin.child.kill('SIGTERM');
    await plugin.exited;
    expect(existsSync(directory)).toBe(false);
  });

  it('names both sides when no version fits', async () => {
    const plugin = workshop.start('behaviours.mjs', { ...COOKIE, PLUGIN_PROTOCOL_VERSIONS: '7,8' });
    expect(await plugin.exited).toMatchObject({ code: 1 });
    expect(plugin.stderr()).toContain('the host offers API versions 7,8');
  });

  it('refuses a directory too long for a socket', async () => {
    const plugin = workshop.start('behaviours.mjs', {
      ...COOKIE,
      PLUGIN_UNIX_SOCKET_DIR: `/tmp/${'d'.repeat(100)}`,
    });
    expect(await plugin.exited).toMatchObject({ code: 1 });
    expect(plugin.stderr()).toContain("a socket's path has at most 107");
  });
});

describe('with the host’s certificate', () => {
  const host = createCertificate();

  it.each(['unix', 'tcp'])('serves over %s whoever holds it, and nobody else', async (network) => {
    const plugin = workshop.start('behaviours.mjs', {
      ...COOKIE,
      PLUGIN_CLIENT_CERT: host.certPem,
      BULKHEAD_NETWORK: network,
    });
    const line = await plugin.handshake();
    expect(line).toMatchObject({ network });
    await healthOf(workshop.connect(line, hostCredentials(line, host)), 'plugin');
    const stranger = workshop.connect(line, hostCredentials(line, createCertificate()));
    await expect(healthOf(stranger, 'plugin')).rejects.toThrow(code('PLUGIN_UNAVAILABLE'));
    const plain = workshop.connect(line, credentials.createInsecure());
    await expect(healthOf(plain, 'plugin')).rejects.toThrow(code('PLUGIN_UNAVAILABLE'));
  });

  it('does not serve over TCP without one', async () => {
    const plugin = workshop.start('behaviours.mjs', { ...COOKIE, BULKHEAD_NETWORK: 'tcp' });
    expect(await plugin.exited).toMatchObject({ code: 1 });
    expect(plugin.stderr()).toContain('over TCP a plugin serves with mTLS only');
  });
});

describe('under any go-plugin host', () => {
  it('is healthy as "plugin" and as the whole process, and knows no other service', async () => {
    const plugin = workshop.start('behaviours.mjs');
    const client = workshop.connect(await plugin.handshake());
    for (const service of ['plugin', '']) {
      expect(HealthCheckResponse.decode(await healthOf(client, service)).status).toBe(Serving.SERVING);
    }
    const unknown = await healthOf(client, 'other').catch((error: unknown) => error);
    expect(unknown).toMatchObject({ message: expect.stringContaining("no service 'other'") as string });
  });

  it('keeps the stdio and broker streams open and silent', async () => {
    const plugin = workshop.start('behaviours.mjs');
    const client = workshop.connect(await plugin.handshake());
    const bytes = (body: Uint8Array): Buffer => Buffer.from(body);
    const stdio = client.makeServerStreamRequest(
      '/plugin.GRPCStdio/StreamStdio',
      bytes,
      (body) => body,
      NOTHING,
    );
    const broker = client.makeBidiStreamRequest('/plugin.GRPCBroker/StartStream', bytes, (body) => body);
    let ended = false;
    for (const stream of [stdio, broker]) {
      stream.on('error', () => {});
      stream.on('data', () => (ended = true)).on('end', () => (ended = true));
    }
    await healthOf(client, 'plugin');
    expect(ended).toBe(false);
    stdio.cancel();
    broker.cancel();
  });

  it('answers GRPCController/Shutdown, runs the author’s shutdown and exits with 0', async () => {
    const { plugin, client } = await startReady();
    const watch = client.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      (body: Uint8Array) => Buffer.from(body),
      HealthCheckResponse.decode,
      NOTHING,
    );
    watch.on('error', () => {});
    await once(watch, 'data');
    await call(client, CONTROLLER, NOTHING);
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
    expect(plugin.stderr()).toContain('the author cleaned up');
  });

  it('serves with nothing on stdin', async () => {
    const { plugin, client } = await startReady();
    plugin.child.stdin.end();
    await healthOf(client, 'plugin');
    await call(client, INVOKE, invokeBody('echo'));
  });
});

describe('calls', () => {
  it('answer the same on the link and as native RPCs; to allow is an empty body', async () => {
    const { client } = await startReady();
    const { link } = await openLink(client);
    for (const invoke of [
      (body: Uint8Array) => link.call(INVOKE, body),
      (body: Uint8Array) => call(client, INVOKE, body),
    ]) {
      expect((await invoke(invokeBody('echo'))).length).toBe(0);
      const denied = InvokeResponse.decode(await invoke(invokeBody('deny')));
      expect(denied).toMatchObject({ decision: Decision.DECISION_DENY, violation: { code: 'NO' } });
      const touched = InvokeResponse.decode(await invoke(invokeBody('touch', { n: 1 })));
      expect(touched).toMatchObject({ decision: Decision.DECISION_MODIFY, changed: ['args'] });
      await expect(invoke(invokeBody('throw'))).rejects.toThrow(
        code('PLUGIN_ERROR', /^thrown in a handler$/),
      );
    }
    link.close();
  });

  it('carry a large body natively', async () => {
    const { client } = await startReady();
    const text = 'x'.repeat(2_000_000);
    const touched = InvokeResponse.decode(await call(client, INVOKE, invokeBody('touch', { text })));
    expect(touched.payload.length).toBeGreaterThan(text.length);
  });

  it('whose answer is larger than the host takes fail alone, and the link carries on', async () => {
    const { client } = await startReady();
    const { link } = await openLink(client);
    await expect(link.call(INVOKE, invokeBody('large', { bytes: 5_000_000 }))).rejects.toThrow(
      code('MESSAGE_TOO_LARGE', /the host takes 4194304/),
    );
    expect((await link.call(INVOKE, invokeBody('echo'))).length).toBe(0);
    link.close();
  });

  it('that log megabytes at once do not end the link', async () => {
    const { client } = await startReady();
    const { link, lines } = await openLink(client);
    await link.call(INVOKE, invokeBody('log-much', { lines: 150, bytes: 50_000 }), { timeoutMs: 10_000 });
    await expect.poll(() => lines.filter(({ message }) => message.includes('xxx')).length).toBe(150);
    link.close();
  });

  it('fail with UNKNOWN_HOOK or PLUGIN_UNAVAILABLE when nobody can answer them', async () => {
    const plugin = workshop.start('behaviours.mjs');
    const client = workshop.connect(await plugin.handshake());
    await expect(call(client, INVOKE, invokeBody('echo'))).rejects.toThrow(
      code('PLUGIN_UNAVAILABLE', /not initialized/),
    );
    await call(client, `${LIFE}/Initialize`, initializeBody());
    const other = Buffer.from([0x0a, 1, 0x78]);
    await expect(call(client, INVOKE, other)).rejects.toThrow(
      code('UNKNOWN_HOOK', /no hook 'x'; it handles tool_pre/),
    );
  });

  it('that the caller gives up abort the handler’s signal', async () => {
    const { plugin, client } = await startReady();
    await expect(call(client, INVOKE, invokeBody('wait', { ms: 60_000 }), 200)).rejects.toThrow(
      code('DEADLINE_EXCEEDED'),
    );
    await plugin.seen('aborted');
  });
});

describe('initialize', () => {
  it('names what was registered, also when asked twice', async () => {
    const { client } = await startReady();
    const again = InitializeResponse.decode(await call(client, `${LIFE}/Initialize`, initializeBody()));
    expect(again.registrations.map(({ name }) => name)).toEqual(['tool_pre_invoke', 'tool_post_invoke']);
  });

  it('fails with both sides named when manifest and code differ', async () => {
    const plugin = workshop.start('behaviours.mjs');
    const client = workshop.connect(await plugin.handshake());
    const body = initializeBody({}, ['tool_pre_invoke', 'prompt_pre_fetch']);
    await expect(call(client, `${LIFE}/Initialize`, body)).rejects.toThrow(
      code(
        'REGISTRATION_MISMATCH',
        /"prompt_pre_fetch" declared and not registered.*"tool_post_invoke" registered and not declared/,
      ),
    );
  });

  it.each([
    ['broken-entry.mjs', /could not be loaded.*a-package-that-is-not-installed/],
    ['not-a-plugin.mjs', /export default definePlugin/],
  ])('says what is wrong with the entry %s', async (entry, message) => {
    const plugin = workshop.start(entry);
    const client = workshop.connect(await plugin.handshake());
    await expect(call(client, `${LIFE}/Initialize`, initializeBody())).rejects.toThrow(
      code('SETUP_FAILED', message),
    );
  });
});

describe('what the plugin prints', () => {
  it('never reaches stdout: it comes as log lines over the link', async () => {
    const { plugin, client } = await startReady();
    const { link, lines } = await openLink(client);
    await link.call(INVOKE, invokeBody('print'));
    await expect.poll(() => lines.map(({ message }) => message)).toEqual(['printed 1', 'written', 'logged']);
    expect(lines[2]).toMatchObject({
      level: LogLevel.LOG_LEVEL_WARN,
      requestId: 'r1',
      fieldsJson: '{"n":1}',
    });
    expect(plugin.stdout()).toMatch(/^[^\n]*\n$/);
    link.close();
  });

  it('goes to stderr, one JSON object a line, as long as there is no link', async () => {
    const { plugin } = await startReady();
    await plugin.seen('loaded');
    const line: unknown = JSON.parse(plugin.stderr().split('\n')[0] ?? '');
    expect(line).toMatchObject({ '@level': 'info', '@message': 'loaded' });
  });
});

describe('health', () => {
  it('is the author’s, with the process’s own measurements', async () => {
    const { client } = await startReady({ slow: true });
    const answer = CheckHealthResponse.decode(await call(client, `${LIFE}/CheckHealth`, NOTHING));
    expect(answer).toMatchObject({
      state: HealthState.HEALTH_STATE_DEGRADED,
      message: 'slow today',
      inFlight: 0,
    });
    expect(answer.eventLoopDelayP99Us).toBeGreaterThanOrEqual(0);
  });
});

describe('the end', () => {
  it('comes with code 1 after an uncaught error outside a handler, and stderr says why', async () => {
    const { plugin, client } = await startReady();
    const lost = call(client, INVOKE, invokeBody('crash'));
    await expect(lost).rejects.toThrow(code('PLUGIN_UNAVAILABLE'));
    expect(await plugin.exited).toMatchObject({ code: 1 });
    expect(plugin.stderr()).toContain('uncaught error outside a handler: thrown outside a handler');
  });

  it('does not swallow what was logged just before', async () => {
    const { plugin, client } = await startReady();
    const { link } = await openLink(client);
    link.call(INVOKE, invokeBody('log-and-exit')).catch(() => undefined);
    expect(await plugin.exited).toMatchObject({ code: 3 });
    expect(plugin.stderr()).toContain('the last words');
  });

  it('waits for calls in flight, and no new one is taken', async () => {
    const { plugin, client } = await startReady();
    const slow = call(client, INVOKE, invokeBody('wait', { ms: 300 }));
    await plugin.seen('waiting');
    const shutdown = call(
      client,
      `${LIFE}/Shutdown`,
      ShutdownRequest.encode({ drainTimeoutMs: 10_000, reason: 'test' }).finish(),
    );
    await plugin.seen('shutting down');
    await expect(call(client, INVOKE, invokeBody('echo'))).rejects.toThrow(
      code('PLUGIN_UNAVAILABLE', /shutting down/),
    );
    await Promise.all([slow, shutdown]);
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
    expect(plugin.stderr()).toMatch(/waited[^]*the author cleaned up/);
  });

  it('does not wait longer than the host allows', async () => {
    const { plugin, client } = await startReady();
    const stuck = call(client, INVOKE, invokeBody('wait', { ms: 60_000 }));
    stuck.catch(() => {});
    await plugin.seen('waiting');
    await call(
      client,
      `${LIFE}/Shutdown`,
      ShutdownRequest.encode({ drainTimeoutMs: 50, reason: 'test' }).finish(),
    );
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
    expect(plugin.stderr()).toContain('did not finish within 50 ms');
    await expect(stuck).rejects.toThrow(code('PLUGIN_UNAVAILABLE'));
  });

  it('answers a Shutdown on the link before the process goes', async () => {
    const { plugin, client } = await startReady();
    const { link, lines } = await openLink(client);
    await link.call(`${LIFE}/Shutdown`, NOTHING);
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
    // And the last lines come that way too, once.
    expect(lines.map(({ message }) => message)).toEqual(['shutting down', 'the author cleaned up']);
    expect(plugin.stderr()).not.toContain('the author cleaned up');
  });

  it('answers a Shutdown on the link when there is nothing to log or to close', async () => {
    const plugin = workshop.start('behaviours.mjs');
    const { link } = await openLink(workshop.connect(await plugin.handshake()));
    await link.call(`${LIFE}/Shutdown`, NOTHING);
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
  });

  it('comes with SIGTERM after a drain, and not with SIGINT', async () => {
    const { plugin, client } = await startReady();
    plugin.child.kill('SIGINT');
    await call(client, INVOKE, invokeBody('echo'));
    plugin.child.kill('SIGTERM');
    expect(await plugin.exited).toEqual({ code: 0, signal: null });
    expect(plugin.stderr()).toContain('the author cleaned up');
  });

  it('comes at once when the host that holds stdin is gone', async () => {
    const plugin = workshop.start('behaviours.mjs', { ...COOKIE, BULKHEAD_LIFELINE: 'stdin' });
    const { address } = await plugin.handshake();
    plugin.child.stdin.end();
    await plugin.exited;
    expect(existsSync(address)).toBe(false);
  });
});
