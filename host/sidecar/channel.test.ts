import { createCertificate } from '@bulkhead/proto/handshake';
import { nativeCall } from '@bulkhead/proto/link';
import { Client, type ServiceError } from '@grpc/grpc-js';
import type { BulkheadError } from '@bulkhead/proto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2, createSecureServer, type Http2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { openChannel, refuseOthers } from './channel.js';
import { FloodMeter } from './flood/flood-meter.js';
import { startHostServer, type HostServer } from './host-server.js';

const host = createCertificate();
const plugin = createCertificate();
const MAX_BYTES = 1024 * 1024;
let directory: string;
let server: HostServer | undefined;
let meter: FloodMeter;
let flooded: Promise<BulkheadError>;
const clients: Client[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bh-tls-'));
  flooded = new Promise((onFlood) => {
    meter = new FloodMeter({ clock: systemClock, maxMessageBytes: MAX_BYTES, onFlood });
  });
});
afterEach(() => {
  meter.end();
  for (const client of clients.splice(0)) client.close();
  server?.close();
  rmSync(directory, { recursive: true });
});

async function call(client: Client): Promise<string> {
  clients.push(client);
  try {
    const answer = await nativeCall(client, systemClock, '/t.T/T', Buffer.from('x'), { timeoutMs: 10_000 });
    return Buffer.from(answer).toString();
  } catch (error) {
    return (error as ServiceError).message;
  }
}

async function serve(): Promise<string> {
  const socket = join(directory, 's');
  const method = { path: '/t.T/T', handler: () => Buffer.from('served') };
  server = await startHostServer({
    socketPath: socket,
    methods: [method],
    tls: { host, pluginDer: plugin.certDer },
    maxMessageBytes: MAX_BYTES,
    clock: systemClock,
    meter,
  });
  return `unix:${socket}`;
}

// The same two certificates serve both directions, so the plugin's view is the pair turned round.
test('the host’s socket serves whoever holds the plugin’s certificate', async () => {
  const target = await serve();
  expect(await call(openChannel(target, { host: plugin, pluginDer: host.certDer }, MAX_BYTES, meter))).toBe(
    'served',
  );
});

test('the host’s socket refuses another client certificate, and none', async () => {
  const target = await serve();
  const stranger = createCertificate();
  expect(
    await call(openChannel(target, { host: stranger, pluginDer: host.certDer }, MAX_BYTES, meter)),
  ).not.toBe('served');
  expect(await call(openChannel(target, undefined, MAX_BYTES, meter))).not.toBe('served');
});

test('the channel refuses a server with another certificate than the announced one', async () => {
  const target = await serve();
  const other = createCertificate();
  expect(
    await call(openChannel(target, { host: plugin, pluginDer: other.certDer }, MAX_BYTES, meter)),
  ).toMatch(/certificate/);
});

test('a certificate that the announced one signed is not the announced one', () => {
  expect(refuseOthers(plugin.certDer, { raw: createCertificate().certDer })?.message).toMatch(/certificate/);
  expect(refuseOthers(plugin.certDer, { raw: Buffer.from(plugin.certDer) })).toBeUndefined();
});

describe('pings without end inside TLS are a flood', () => {
  /** The next when those before are answered, until the connection is gone. */
  function flood(session: Http2Session): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      session.on('close', resolve).on('error', () => {});
    });
    const more = (): void => {
      if (session.destroyed || session.closed) return;
      for (let n = 1; n < 500; n += 1) session.ping(() => {});
      session.ping(() => setImmediate(more));
    };
    more();
    return gone;
  }

  test('on the host’s socket', async () => {
    const path = (await serve()).slice('unix:'.length);
    const socket = connectTls({
      path,
      ca: host.certPem,
      cert: plugin.certPem,
      key: plugin.keyPem,
      servername: 'localhost',
      ALPNProtocols: ['h2'],
    });
    const session = connectHttp2('https://localhost', {
      createConnection: () => socket,
      maxOutstandingPings: 1_000,
    });
    await flood(session);
    expect(await flooded).toMatchObject({ code: 'CONNECTION_FLOODED' });
  });

  test('on the connection that the host opened', async () => {
    const other = createSecureServer({
      cert: plugin.certPem,
      key: plugin.keyPem,
      ca: host.certPem,
      requestCert: true,
      maxOutstandingPings: 1_000,
    }).listen(join(directory, 'p'));
    await once(other, 'listening');
    const gone = new Promise<void>((resolve) => {
      other.on('session', (session) => {
        void flood(session).then(resolve);
      });
    });
    const channel = openChannel(
      `unix:${join(directory, 'p')}`,
      { host, pluginDer: plugin.certDer },
      MAX_BYTES,
      meter,
    );
    void call(channel);
    expect(await flooded).toMatchObject({ code: 'CONNECTION_FLOODED' });
    await gone;
    channel.close();
    other.close();
  });
});
