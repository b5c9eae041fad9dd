import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identifyProcess } from '../process-identity.js';
import { createUidClaims } from './uid-claims.js';

describe('hosts on one machine', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bh-claims-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('do not take the user of another that runs, and take it when it is given up', async () => {
    const [one, other] = [createUidClaims(folder), createUidClaims(folder)];
    expect(await one.take(2000)).toBe(true);
    expect(await one.take(2000)).toBe(true);
    expect(await other.take(2000)).toBe(false);
    expect(await other.take(2001)).toBe(true);
    expect(await other.take(200)).toBe(true);
    await one.release(2000);
    expect(await other.take(2000)).toBe(true);
  });

  test('never both have the same, however close together they ask', async () => {
    const hosts = Array.from({ length: 8 }, () => createUidClaims(folder));
    const taken = await Promise.all(hosts.map((host) => host.take(2000)));
    expect(taken.filter(Boolean).length).toBeLessThan(2);
  });

  test('take over from one that died, also when another process has its number by now', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    const file = join(folder, `2000.${pid}-00000000`);
    writeFileSync(file, identifyProcess(pid).startTime);
    expect(await createUidClaims(folder).take(2000)).toBe(false);
    writeFileSync(file, 'another boot/1');
    expect(await createUidClaims(folder).take(2000)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('do without where there is no place to tell each other', async () => {
    const nowhere = createUidClaims('/proc/bulkhead-uids');
    expect(await nowhere.take(2000)).toBe(true);
    await nowhere.release(2000);
  });
});
