import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openControlSocket } from '../../admin/control-socket.js';
import { createFakeControl } from '../../admin/control.test-support.js';
import { writeDaemonRecord } from '../../admin/daemon-record.js';
import { scheduleRoutes } from '../../admin/schedule-routes.js';
import type { Schedules, ScheduleStatus } from '../../services/schedules/schedules.js';
import { makeTestFolder, runIn, type Said } from '../cli.test-support.js';

const NIGHTLY: ScheduleStatus = {
  entry: 'notes',
  name: 'nightly',
  cron: '0 3 * * *',
  timezone: 'Europe/Rome',
  timeoutMs: 30_000,
  retry: false,
  missed: 'skip',
  declared: true,
  paused: false,
  nextFireMs: Date.parse('2026-01-02T02:00:00Z'),
};

let folder: string;
let asked: string[];
let closeSocket: () => Promise<void>;

/** The daemon's schedules, without plugins behind them. */
function fakeSchedules(): Schedules {
  const unused = (): Promise<never> =>
    Promise.reject(new BulkheadError(ErrorCode.INTERNAL, 'not asked for here'));
  const known = (name: string): void => {
    if (name !== 'nightly') throw new BulkheadError(ErrorCode.NOT_FOUND, `there is no schedule '${name}'`);
  };
  return {
    list: async (entry) => Promise.resolve(entry === undefined || entry === 'notes' ? [NIGHTLY] : []),
    runs: async () =>
      Promise.resolve({
        runs: [
          {
            id: 'r1',
            schedule: 'nightly',
            fireMs: 0,
            startedAtMs: 0,
            endedAtMs: 1_000,
            state: 'failed',
            reason: 'PLUGIN_ERROR: \u001B[31mred',
            byHand: true,
          },
        ],
        nextPageToken: '',
      }),
    runNow: async (entry, name, actor) => {
      known(name);
      asked.push(`run ${entry} ${name} by ${actor.kind}`);
      return Promise.resolve('r2');
    },
    setPaused: async (entry, name, paused, actor) => {
      known(name);
      asked.push(`${paused ? 'pause' : 'resume'} ${entry} ${name} by ${actor.kind}`);
      return Promise.resolve({ ...NIGHTLY, paused, nextFireMs: paused ? undefined : NIGHTLY.nextFireMs });
    },
    create: unused,
    update: unused,
    delete: unused,
    start: () => undefined,
    rewire: () => undefined,
    pause: () => undefined,
    stop: () => Promise.resolve(),
  };
}

beforeEach(async () => {
  asked = [];
  folder = await makeTestFolder();
  const dataDir = join(folder, '.bulkhead');
  await mkdir(dataDir);
  const socket = join(dataDir, 'control.sock');
  const { close } = await openControlSocket(socket, createFakeControl(), {
    routes: [scheduleRoutes(fakeSchedules())],
  });
  closeSocket = close;
  writeDaemonRecord(dataDir, { pid: process.pid, socket });
});
afterEach(async () => {
  await closeSocket();
  await rm(folder, { recursive: true });
});

const schedule = (...args: readonly string[]): Promise<Said> => runIn(folder, 'schedule', ...args);

test('list shows each schedule with its next run, and JSON as the API has it', async () => {
  const { out, code } = await schedule('list');
  expect(code).toBe(0);
  expect(out).toMatch(/^PLUGIN +SCHEDULE +CRON +TIME ZONE +NEXT RUN\n/);
  expect(out).toMatch(/notes +nightly +0 3 \* \* \* +Europe\/Rome +2026-01-02T02:00:00.000Z\n/);
  expect((await schedule('list', '--plugin', 'other')).out).toBe('No plugin that runs has a schedule.\n');
  const answer: unknown = JSON.parse((await schedule('list', '--json')).out);
  expect(answer).toMatchObject({
    schedules: [{ plugin: 'notes', name: 'nightly', timezone: 'Europe/Rome' }],
  });
});

test('show tells one schedule with its runs, and lets no plugin write to the terminal', async () => {
  const { out } = await schedule('show', 'notes', 'nightly');
  expect(out).toMatch(/from +the manifest/);
  expect(out).toMatch(/failed, by hand +PLUGIN_ERROR: \\u001b\[31mred/);
  const answer: unknown = JSON.parse((await schedule('show', 'notes', 'nightly', '--json')).out);
  expect(answer).toMatchObject({ name: 'nightly', runs: [{ id: 'r1', state: 'failed' }] });
  expect(await schedule('show', 'notes', 'hourly')).toMatchObject({
    code: 1,
    err: expect.stringContaining('NOT_FOUND'),
  });
});

test('run, pause and resume do it in the name of who is there, and say so', async () => {
  expect((await schedule('run', 'notes', 'nightly')).out).toContain('Run r2 has begun');
  expect((await schedule('pause', 'notes', 'nightly')).out).toBe('notes nightly is paused.\n');
  const resumed: unknown = JSON.parse((await schedule('resume', 'notes', 'nightly', '--json')).out);
  expect(resumed).toMatchObject({ paused: false });
  expect(asked).toEqual([
    'run notes nightly by cli',
    'pause notes nightly by cli',
    'resume notes nightly by cli',
  ]);
  expect(await schedule('run', 'notes', 'hourly')).toMatchObject({
    code: 1,
    err: expect.stringContaining("NOT_FOUND: there is no schedule 'hourly'"),
  });
});

test('without a daemon each says how to start one', async () => {
  await rm(join(folder, '.bulkhead', 'daemon.json'), { force: true });
  const { code, err } = await schedule('list', '--data-dir', join(folder, 'nowhere'));
  expect(code).toBe(1);
  expect(err).toContain('NOT_RUNNING');
});
