import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectToDaemon } from '../cli/control-client.js';
import { openControlSocket } from './control-socket.js';
import { createFakeControl, type FakeControl, NOTHING_APPLIED, PII } from './control.test-support.js';
import {
  chooseSocketPath,
  readDaemonRecord,
  removeDaemonRecord,
  writeDaemonRecord,
} from './daemon-record.js';

let dataDir: string;
let control: FakeControl;
let socket: { close(): Promise<void> };

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'bulkhead control-'));
  control = createFakeControl();
  const path = chooseSocketPath(dataDir);
  socket = await openControlSocket(path, control);
  writeDaemonRecord(dataDir, { pid: process.pid, socket: path });
});

afterEach(async () => {
  await socket.close();
  removeDaemonRecord(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
});

describe('the control socket', () => {
  test('opens for its owner only', () => {
    expect(statSync(join(dataDir, 'control.sock')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'daemon.json')).mode & 0o777).toBe(0o600);
  });

  test('tells status, plugins and one plugin', async () => {
    const client = connectToDaemon(dataDir);
    expect(await client.get('/status')).toEqual(control.status());
    expect(await client.get('/plugins')).toEqual({ plugins: [PII] });
    expect(await client.get('/plugins/pii')).toEqual(PII);
  });

  test('acts on a plugin and answers with what it is now', async () => {
    const client = connectToDaemon(dataDir);
    for (const action of ['reload', 'disable', 'enable', 'reset']) {
      expect(await client.post(`/plugins/pii/${action}`)).toEqual(PII);
    }
    expect(control.asked).toEqual(['reload pii', 'disable pii', 'enable pii', 'reset pii']);
  });

  test('applies the configuration', async () => {
    expect(await connectToDaemon(dataDir).post('/config/apply')).toEqual(NOTHING_APPLIED);
  });

  test('passes a typed error on with its code and message', async () => {
    await expect(connectToDaemon(dataDir).post('/plugins/pi/reload')).rejects.toMatchObject({
      code: 'PLUGIN_NOT_FOUND',
      message: "no plugin 'pi' is configured; there are: pii",
    });
    await expect(connectToDaemon(dataDir).get('/plugins/pii/logs?tail=many')).rejects.toMatchObject({
      code: 'USAGE',
    });
  });

  test('gives the last lines of a plugin’s log', async () => {
    for (const text of ['one', 'two', 'three']) control.logs.write(`{"plugin":"pii","msg":"${text}"}\n`);
    const lines: string[] = [];
    for await (const line of connectToDaemon(dataDir).lines('/plugins/pii/logs?tail=2', false))
      lines.push(line);
    expect(lines).toEqual(['{"plugin":"pii","msg":"two"}', '{"plugin":"pii","msg":"three"}']);
  });

  test('follows a log, and lets the follower go when it leaves', async () => {
    control.logs.write('{"plugin":"pii","msg":"before"}\n');
    const seen: string[] = [];
    for await (const line of connectToDaemon(dataDir).lines('/plugins/pii/logs?tail=1&follow=true', true)) {
      seen.push(line);
      if (seen.length === 2) break;
      control.logs.write('{"plugin":"pii","msg":"after"}\n');
    }
    expect(seen).toEqual(['{"plugin":"pii","msg":"before"}', '{"plugin":"pii","msg":"after"}']);
  });
});

describe('finding the daemon', () => {
  test('says NOT_RUNNING without a record, and with one whose daemon is gone', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'bulkhead none-'));
    try {
      expect(() => connectToDaemon(empty)).toThrow(expect.objectContaining({ code: 'NOT_RUNNING' }));
      writeDaemonRecord(empty, { pid: 1, socket: join(empty, 'control.sock') });
      await expect(connectToDaemon(empty).get('/status')).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });

  test('a socket that a dead daemon left is replaced', async () => {
    const path = join(dataDir, 'left.sock');
    writeFileSync(path, '');
    const second = await openControlSocket(path, control);
    await second.close();
  });

  test('a data directory with a long path has its socket in a private folder, and leaves none behind', () => {
    const long = join(dataDir, 'x'.repeat(120));
    const path = chooseSocketPath(long);
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103);
    expect(path.startsWith(long)).toBe(false);
    writeDaemonRecord(dataDir, { pid: process.pid, socket: path });
    expect(readDaemonRecord(dataDir)).toEqual({ pid: process.pid, socket: path });
    removeDaemonRecord(dataDir);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    expect(readDaemonRecord(dataDir)).toBeUndefined();
  });
});
