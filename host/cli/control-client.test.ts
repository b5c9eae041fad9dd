import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeDaemonRecord } from '../admin/daemon-record.js';
import { connectToDaemon, type ControlClient } from './control-client.js';

async function withDaemon(listener: RequestListener, use: (client: ControlClient) => Promise<void>) {
  const dataDir = await mkdtemp(join(tmpdir(), 'control-client-'));
  const socket = join(dataDir, 'control.sock');
  const server = createServer(listener).listen(socket);
  await once(server, 'listening');
  writeDaemonRecord(dataDir, { pid: process.pid, socket });
  try {
    await use(connectToDaemon(dataDir, { deadlines: { readMs: 50, actMs: 50 } }));
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function readLines(client: ControlClient, endless: boolean): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of client.lines('/logs', endless)) lines.push(line);
  return lines;
}

test('a daemon that does not answer is given up', async () => {
  await withDaemon(
    () => undefined,
    async (client) => {
      const failure = { code: 'DEADLINE_EXCEEDED' };
      await expect(client.get('/status')).rejects.toMatchObject(failure);
      await expect(client.post('/config/apply')).rejects.toMatchObject(failure);
      await expect(readLines(client, true)).rejects.toMatchObject(failure);
    },
  );
});

test('a daemon that stops in the middle of an answer is given up', async () => {
  await withDaemon(
    (_, response) => void response.write('one\n'),
    async (client) => {
      const failure = { code: 'DEADLINE_EXCEEDED' };
      await expect(client.get('/status')).rejects.toMatchObject(failure);
      await expect(readLines(client, false)).rejects.toMatchObject(failure);
    },
  );
});

test('an endless answer may pause for longer than any other', async () => {
  await withDaemon(
    (_, response) => {
      response.write('one\n');
      setTimeout(() => response.end('two\n'), 200);
    },
    async (client) => {
      expect(await readLines(client, true)).toEqual(['one', 'two']);
    },
  );
});
