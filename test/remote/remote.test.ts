import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { HealthState } from '@bulkhead/proto/plugin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHost } from '../../host/create-host.js';
import { Workshop, at, fingerprintOf, greet } from './remote.test-support.js';

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
});

afterAll(async () => {
  await workshop[Symbol.asyncDispose]();
});

describe('a plugin that runs elsewhere', () => {
  test('answers calls, small and large, reports health and sends its log, over mTLS', async () => {
    const { port } = await workshop.serveSecurely();
    const sidecar = await workshop.connect(at('localhost', port, workshop.tls()), { name: 'far' });
    expect(sidecar.pid).toBe(0);
    expect(await greet(sidecar)).toEqual({ greeting: 'hello', setup: 1, size: 0 });
    expect(await greet(sidecar, 'hi', 'x'.repeat(1_000_000))).toEqual({
      greeting: 'hello',
      setup: 1,
      size: 1_000_000,
    });
    expect(await sidecar.health(5_000)).toMatchObject({ state: HealthState.HEALTH_STATE_HEALTHY });
    await workshop.tape.waitFor(({ msg, plugin }) => msg === 'asked by far' && plugin === 'far');
  });

  test('has no way back but the link, and large calls to the host cross on it', async () => {
    const { port } = await workshop.serveSecurely();
    const sidecar = await workshop.connect(at('localhost', port, workshop.tls()), { name: 'loud' });
    expect(await greet(sidecar, 'shout')).toMatchObject({ greeting: 'hello' });
    const { msg } = await workshop.tape.waitFor((entry) => entry.msg.startsWith('loud !'));
    expect(msg.length).toBeGreaterThan(60_000);
    expect(await greet(sidecar)).toMatchObject({ greeting: 'hello' });
  });

  test('is known by the fingerprint of its certificate, whatever its name', async () => {
    const { port } = await workshop.serveSecurely();
    const tls = workshop.tls({ fingerprint: fingerprintOf(workshop.server) });
    expect(await greet(await workshop.connect(at('127.0.0.1', port, tls)))).toMatchObject({
      greeting: 'hello',
    });
  });

  test('stays when the host goes, and gives each host a setup of its own', async () => {
    const served = await workshop.serveSecurely();
    const remote = at('localhost', served.port, workshop.tls());
    const one = await workshop.connect(remote, { configJson: '{"greeting":"one"}' });
    const two = await workshop.connect(remote, { configJson: '{"greeting":"two"}' });
    expect(await greet(one)).toMatchObject({ greeting: 'one', setup: 1 });
    expect(await greet(two)).toMatchObject({ greeting: 'two', setup: 2 });
    expect(await one.stop('no longer wanted')).toMatchObject({ reason: 'no longer wanted', exitCode: null });
    await expect(greet(one)).rejects.toMatchObject({ code: 'PLUGIN_UNAVAILABLE' });
    expect(await greet(two)).toMatchObject({ greeting: 'two', setup: 2 });
    expect(served.running()).toBe(true);
    const three = await workshop.connect(remote, { configJson: '{"greeting":"three"}' });
    expect(await greet(three)).toMatchObject({ greeting: 'three', setup: 3 });
  });

  test('is noticed when it is gone, and can be connected to again', async () => {
    const served = await workshop.serveSecurely();
    const remote = at('localhost', served.port, workshop.tls());
    const sidecar = await workshop.connect(remote);
    await served.end();
    expect(await sidecar.lost).toMatchObject({ code: 'PLUGIN_UNAVAILABLE' });
    expect(await sidecar.exited).toMatchObject({ exitCode: null, signal: null });
    await expect(workshop.connect(remote)).rejects.toMatchObject({
      code: 'PLUGIN_UNAVAILABLE',
      retryable: true,
    });
    await workshop.serveSecurely('server', 'host', served.port);
    expect(await greet(await workshop.connect(remote))).toMatchObject({ setup: 1 });
  });

  test('ends in order when it is told to', async () => {
    const served = await workshop.serveSecurely();
    const sidecar = await workshop.connect(at('localhost', served.port, workshop.tls()));
    expect(await served.end('SIGTERM')).toBe(0);
    await sidecar.exited;
  });
});

describe('refused, and never plaintext, is', () => {
  const refused = (why: RegExp) =>
    expect.objectContaining({
      code: 'CERTIFICATE_REFUSED',
      message: expect.stringMatching(why) as unknown,
    }) as unknown;

  test('a server with another certificate', async () => {
    const { port } = await workshop.serveSecurely('stranger');
    await expect(workshop.connect(at('localhost', port, workshop.tls()))).rejects.toEqual(
      refused(/certificate/i),
    );
    const tls = workshop.tls({ fingerprint: fingerprintOf(workshop.server) });
    await expect(workshop.connect(at('localhost', port, tls))).rejects.toEqual(refused(/SHA-256/));
  });

  test('a server whose certificate is over', async () => {
    const { port } = await workshop.serveSecurely('expired');
    const ca = workshop.file('expired', 'cert');
    await expect(workshop.connect(at('localhost', port, workshop.tls({ ca })))).rejects.toEqual(
      refused(/EXPIRED/),
    );
    const tls = workshop.tls({ fingerprint: fingerprintOf(workshop.expired) });
    await expect(workshop.connect(at('localhost', port, tls))).rejects.toEqual(refused(/expired/i));
  });

  test('a server with another name', async () => {
    const { port } = await workshop.serveSecurely();
    await expect(workshop.connect(at('127.0.0.1', port, workshop.tls()))).rejects.toEqual(refused(/ALTNAME/));
  });

  test('a server without TLS, which hears nothing of what the host would say', async () => {
    const { port } = await workshop.serve(['--plaintext']);
    await expect(workshop.connect(at('localhost', port, workshop.tls()))).rejects.toEqual(
      refused(/grpcs:\/\//),
    );
  });

  test('a server that closes at once', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(workshop.connect(at('localhost', port, workshop.tls()))).rejects.toMatchObject({
      code: expect.stringMatching(/CERTIFICATE_REFUSED|PLUGIN_UNAVAILABLE/) as unknown,
    });
    server.close();
  });

  test('a host with a certificate that the plugin does not know', async () => {
    const { port } = await workshop.serveSecurely('server', 'stranger');
    await expect(workshop.connect(at('localhost', port, workshop.tls()))).rejects.toEqual(refused(/accept/));
  });

  test('a host without its files', async () => {
    const tls = workshop.tls({ cert: '/nowhere.pem' });
    await expect(workshop.connect(at('localhost', 1, tls))).rejects.toEqual(refused(/nowhere/));
  });

  test('plaintext to anywhere but loopback', async () => {
    await expect(workshop.connect(at('192.0.2.1', 4711))).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  });

  test('a plugin that would serve strangers', async () => {
    await expect(workshop.serve([])).rejects.toThrow('--client-ca');
    const served = await workshop.serve(['--plaintext']);
    expect(await greet(await workshop.connect(at('127.0.0.1', served.port)))).toMatchObject({
      greeting: 'hello',
    });
  });
});

test('a server that never answers is given up when the start has taken too long', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connecting = workshop.connect(at('localhost', port, workshop.tls()), { startTimeoutMs: 100 });
  await expect(connecting).rejects.toMatchObject({ code: 'START_TIMEOUT' });
  server.close();
});

test('a plugin that floods the connection is given up, and the reason is named', async () => {
  const { port } = await workshop.serve(['--plaintext']);
  let toHost: Socket | undefined;
  let toPlugin: Socket | undefined;
  const between = createServer((socket) => {
    toHost = socket.on('error', () => {});
    toPlugin = connect(port, '127.0.0.1').on('error', () => {});
    socket.pipe(toPlugin).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(between, 'listening');
  const sidecar = await workshop.connect(at('127.0.0.1', (between.address() as AddressInfo).port));
  // The plugin asked for none of the answers that come now.
  toPlugin?.unpipe();
  toHost?.unpipe().resume();
  const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, ...Buffer.alloc(8)]);
  const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
  // The next when those before are answered: what piles up ends the connection by itself.
  let due = pings.length;
  toHost?.on('data', ({ length }: Buffer) => {
    due -= length;
    if (due > 0) return;
    due += pings.length;
    toHost?.write(pings);
  });
  toHost?.write(pings);
  expect(await sidecar.lost).toMatchObject({ code: 'CONNECTION_FLOODED', retryable: true });
  expect(await sidecar.exited).toMatchObject({
    reason: expect.stringContaining('flooded its connection') as unknown,
  });
  toPlugin?.destroy();
  between.close();
});

test('a host runs hooks through an address, and connects again by itself when the plugin comes back', async () => {
  const served = await workshop.serveSecurely();
  const host = await createHost(
    {
      environment: 'development',
      host: { data_dir: workshop.directory },
      // Tried until it is back, however long it takes to come up here.
      lifecycle: { backoff_initial_ms: 50, backoff_max_ms: 200, crash_limit: 100 },
      plugins: {
        greeter: {
          address: `grpcs://localhost:${served.port}`,
          tls: { ca: 'server.cert.pem', cert: 'host.cert.pem', key: 'host.key.pem' },
          hooks: ['tool_pre_invoke'],
          config: { greeting: 'configured' },
        },
      },
    },
    { baseDirectory: workshop.directory, log: workshop.tape.log },
  );
  await host.start();
  try {
    const ask = () => host.invoke('tool_pre_invoke', { name: 'hi', args: {} });
    expect(await ask()).toMatchObject({ allowed: true, payload: { args: { greeting: 'configured' } } });
    await served.end();
    await expect.poll(() => host.status().notReady.map(({ name }) => name)).toEqual(['greeter']);
    await workshop.serveSecurely('server', 'host', served.port);
    await expect.poll(() => host.status().notReady, { timeout: 10_000 }).toEqual([]);
    expect(await ask()).toMatchObject({ allowed: true });
  } finally {
    await host.stop();
  }
});

test.each([
  ['grpc://far.example:1', {}, /plaintext goes only to loopback/],
  ['http://far.example:1', {}, /grpcs:\/\/host:port/],
  ['grpcs://far.example:1', {}, /needs tls/],
  ['grpcs://far.example:1', { tls: { cert: 'c', key: 'k' } }, /'ca' and 'fingerprint'/],
  ['grpcs://far.example:1', { tls: { cert: 'c', key: 'k', fingerprint: 'abc' } }, /64 hex digits/],
  [
    'grpcs://far.example:1',
    { command: 'x', tls: { cert: 'c', key: 'k', ca: 'a' } },
    /not started by the host/,
  ],
  ['grpc://127.0.0.1:1', { tls: { cert: 'c', key: 'k', ca: 'a' } }, /plaintext, and tls is there/],
])('the configuration does not take %s with %j', async (address, entry, message) => {
  const configuring = createHost({
    environment: 'development',
    plugins: { far: { address, hooks: ['tool_pre_invoke'], ...entry } },
  });
  await expect(configuring).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    problems: expect.arrayContaining([
      expect.objectContaining({ message: expect.stringMatching(message) as unknown }),
    ]) as unknown,
  });
});

test('plaintext to loopback is for development alone', async () => {
  const config = (environment: string) => ({
    environment,
    plugins: { far: { address: 'grpc://127.0.0.1:1', hooks: ['tool_pre_invoke'] } },
  });
  await createHost(config('development'));
  await expect(createHost(config('production'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
