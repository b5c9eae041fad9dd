import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { FloodMeter } from './flood/flood-meter.js';
import { startHostServer, type HostServer } from './host-server.js';
import { nativeCall } from '@bulkhead/proto/link';

let folder: string;
let server: HostServer;
let client: Client;
let meter: FloodMeter;
let unknown: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead unknown-'));
  const socket = join(folder, 'host.sock');
  unknown = [];
  meter = new FloodMeter({ clock: systemClock, maxMessageBytes: 1_000_000, onFlood: () => {} });
  server = await startHostServer({
    socketPath: socket,
    methods: [{ path: '/x.X/Known', handler: (body) => body }],
    maxMessageBytes: 1_000_000,
    clock: systemClock,
    meter,
    onUnknownMethod: (path) => void unknown.push(path),
  });
  client = new Client(`unix:${socket}`, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  server.close();
  meter.end();
  await rm(folder, { recursive: true });
});

const call = (path: string) =>
  nativeCall(client, systemClock, path, new Uint8Array([1]), { timeoutMs: 5_000 });

test('a method that nobody serves is refused, and told', async () => {
  await expect(call('/bulkhead.host.v1.AdminService/GrantAll')).rejects.toMatchObject({
    code: 'UNKNOWN_METHOD',
  });
  expect(unknown).toEqual(['/bulkhead.host.v1.AdminService/GrantAll']);
});

test('a method that is served is not told', async () => {
  expect([...(await call('/x.X/Known'))]).toEqual([1]);
  expect(unknown).toEqual([]);
});
