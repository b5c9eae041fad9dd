import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../clock.js';
import { childProcesses } from '../../../sidecar/child-processes.js';
import { identifyProcess, isRunning } from '../../../sidecar/process-identity.js';
import { createProcessPool, type ProcessPool } from './process-pool.js';

const ASKING_HOST = fileURLToPath(new URL('../../fixtures/asking-host.mjs', import.meta.url));

let folder: string;
let pool: ProcessPool;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead-pool-')));
  const db = new DatabaseSync(join(folder, 'a.db'));
  db.exec('CREATE TABLE t (a)');
  db.close();
  pool = createProcessPool({ clock: systemClock });
});
afterEach(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

const open = () =>
  pool.open({
    kind: 'sqlite',
    path: join(folder, 'a.db'),
    readOnly: true,
    folders: { own: '/none', listed: [folder], closed: [] },
  });
const asked = (caller: string) => ({
  sql: 'SELECT 1 AS one',
  text: '[]',
  maxRows: 1,
  timeoutMs: 60_000,
  caller,
  signal: new AbortController().signal,
});

describe('the processes that ask data sources', () => {
  test.skipIf(process.platform !== 'linux')('are never more than six, whoever asks whatever', async () => {
    const before = childProcesses(process.pid).length;
    let most = 0;
    const look = setInterval(() => {
      most = Math.max(most, childProcesses(process.pid).length - before);
    }, 5);
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => open().ask(asked(`caller ${String(index)}`))),
    );
    clearInterval(look);
    expect(answers.map(({ rowsJson }) => rowsJson)).toEqual(answers.map(() => ['{"one":1}']));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(6);
  });

  test('that are ended from outside fail what they are at, and are started again', async () => {
    const source = open();
    const before = new Set(childProcesses(process.pid));
    await source.ask(asked('asker'));
    const [pid] = childProcesses(process.pid).filter((one) => !before.has(one));
    const query = source.ask({
      ...asked('asker'),
      sql: 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n',
    });
    const failed = expect(query).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    process.kill(pid ?? 0, 'SIGKILL');
    await failed;
    expect(await source.ask(asked('asker'))).toMatchObject({ rowsJson: ['{"one":1}'] });
  });

  test.each(['whole', 'bare'])('do not outlive a host that is killed, on a %s system', async (system) => {
    const host = spawn(process.execPath, [ASKING_HOST, join(folder, 'a.db'), folder, system], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line]: unknown[] = await once(createInterface(host.stdout), 'line');
      const left = String(line).split(' ').map(Number).map(identifyProcess);
      expect(left.length).toBeGreaterThan(0);
      expect(left.every(isRunning)).toBe(true);
      host.kill('SIGKILL');
      await expect.poll(() => left.filter(isRunning), { timeout: 10_000 }).toEqual([]);
    } finally {
      host.kill('SIGKILL');
    }
  });
});
