import { createCertificate } from '@bulkhead/proto/handshake';
import { nativeCall } from '@bulkhead/proto/link';
import { Client, type ServiceError } from '@grpc/grpc-js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { openChannel, refuseOthers } from './channel.js';
import { startHostServer, type HostServer } from './host-server.js';

const host = createCertificate();
const plugin = createCertificate();
const MAX_BYTES = 1024 * 1024;
let directory: string;
let server: HostServer | undefined;
const clients: Client[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bh-tls-'));
});
afterEach(() => {
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
  server = await startHostServer(
    socket,
    [method],
    { host, pluginDer: plugin.certDer },
    MAX_BYTES,
    systemClock,
  );
  return `unix:${socket}`;
}

// The same two certificates serve both directions, so the plugin's view is the pair turned round.
test('the host’s socket serves whoever holds the plugin’s certificate', async () => {
  const target = await serve();
  expect(await call(openChannel(target, { host: plugin, pluginDer: host.certDer }, MAX_BYTES))).toBe(
    'served',
  );
});

test('the host’s socket refuses another client certificate, and none', async () => {
  const target = await serve();
  const stranger = createCertificate();
  expect(await call(openChannel(target, { host: stranger, pluginDer: host.certDer }, MAX_BYTES))).not.toBe(
    'served',
  );
  expect(await call(openChannel(target, undefined, MAX_BYTES))).not.toBe('served');
});

test('the channel refuses a server with another certificate than the announced one', async () => {
  const target = await serve();
  const other = createCertificate();
  expect(await call(openChannel(target, { host: plugin, pluginDer: other.certDer }, MAX_BYTES))).toMatch(
    /certificate/,
  );
});

test('a certificate that the announced one signed is not the announced one', () => {
  expect(refuseOthers(plugin.certDer, { raw: createCertificate().certDer })?.message).toMatch(/certificate/);
  expect(refuseOthers(plugin.certDer, { raw: Buffer.from(plugin.certDer) })).toBeUndefined();
});
