import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acquireDaemonLock } from './daemon-lock.js';

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'bulkhead lock-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

/** The same claim in another process. */
const HOLDER = `
  const { DatabaseSync } = require('node:sqlite');
  const database = new DatabaseSync(process.argv[1], { timeout: 0 });
  database.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  console.log('held');
  setInterval(() => database, 1000);
`;

describe('the lock on a data directory', () => {
  test('is held once, and free again when released', () => {
    const lock = acquireDaemonLock(dataDir);
    expect(() => acquireDaemonLock(dataDir)).toThrow(expect.objectContaining({ code: 'ALREADY_RUNNING' }));
    lock.release();
    acquireDaemonLock(dataDir).release();
  });

  test('says which directory and what to do', () => {
    const lock = acquireDaemonLock(dataDir);
    expect(() => acquireDaemonLock(dataDir)).toThrow(dataDir);
    expect(() => acquireDaemonLock(dataDir)).toThrow('--data-dir');
    lock.release();
  });

  test('is held against another process, and ends with it, also by kill -9', async () => {
    const child = spawn(process.execPath, ['-e', HOLDER, join(dataDir, 'daemon.lock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      expect(() => acquireDaemonLock(dataDir)).toThrow(expect.objectContaining({ code: 'ALREADY_RUNNING' }));
    } finally {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    acquireDaemonLock(dataDir).release();
  });
});
