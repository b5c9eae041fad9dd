import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { RunScheduleRequest, RunScheduleResponse } from '@bulkhead/proto/plugin';
import type { ScheduleDeclaration } from '@bulkhead/proto/rules';
import { FakeClock } from '../../clock.test-support.js';
import type { PortOptions } from '../../lifecycle/serving-process.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { HOST_ACTOR, NO_AUDIT } from '../../telemetry/audit.js';
import { createSilentLogger } from '../../telemetry/logger.js';
import type { ScheduledPlugin } from './schedule-list.js';
import { createSchedules, type Schedules } from './schedules.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TTL_MS = 15_000;
const START = Date.parse('2026-01-01T00:00:30Z');

interface Call {
  readonly request: RunScheduleRequest;
  readonly options: PortOptions;
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

/** A plugin whose runs end when the test says so, or at once. */
class Plugin implements ScheduledPlugin {
  readonly name = 'p';
  declared: readonly ScheduleDeclaration[] = [];
  readonly calls: Call[] = [];
  serving = true;
  atOnce = true;

  get port(): ScheduledPlugin['port'] {
    return {
      serving: this.serving,
      call: async (path: string, body: Uint8Array, options: PortOptions) => {
        expect(path).toBe('/bulkhead.plugin.v1.ScheduleService/RunSchedule');
        return new Promise((resolve, reject) => {
          const end = (): void => {
            resolve(RunScheduleResponse.encode({}).finish());
          };
          options.signal?.addEventListener('abort', () => {
            reject(new BulkheadError(ErrorCode.CANCELLED, 'cancelled'));
          });
          this.calls.push({ request: RunScheduleRequest.decode(body), options, end, fail: reject });
          if (this.atOnce) end();
        });
      },
    };
  }

  get fires(): number[] {
    return this.calls.map(({ request }) => Number(request.fireMs));
  }
}

/** Good, but for its length. */
const TOO_LONG = { cron: `0 0 * * ${'1,'.repeat(200)}1` };
const every5 = (change: Partial<ScheduleDeclaration> = {}): ScheduleDeclaration => ({
  name: 'tidy',
  cron: '*/5 * * * *',
  timezone: 'UTC',
  retry: false,
  missed: 'skip',
  ...change,
});

describeEachStore('schedules', (the) => {
  let clock: FakeClock;
  let store: Store;
  let plugin: Plugin;
  let started: Schedules[];
  let keepRuns: number;

  const host = async (own = plugin, time = clock, on?: Store): Promise<Schedules> => {
    const schedules = createSchedules({
      store: on ?? (await the.open()),
      clock: time,
      log: createSilentLogger(),
      audit: NO_AUDIT,
      plugins: () => [own],
      bounds: () => ({ runTimeoutMs: 300_000, keepRuns }),
      ttlMs: TTL_MS,
    });
    started.push(schedules);
    schedules.start();
    await seen();
    return schedules;
  };
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> =>
    expect.poll(condition, { interval: 5, timeout: 10_000 }).toBe(true);
  /** Time passes until it is so. */
  const untilLater = async (condition: () => boolean | Promise<boolean>): Promise<void> =>
    until(async () => {
      clock.advance(5_000);
      return condition();
    });
  /** Every schedule is known to the store, so what fires from now on counts. */
  const seen = async (): Promise<void> =>
    until(async () => {
      const rows = await store.db.selectFrom('schedules').select('name').execute();
      return rows.length >= plugin.declared.length;
    });
  const runs = async (schedules = started[0]) =>
    (await schedules?.runs({ entry: 'p', schedule: '', pageSize: 0, pageToken: '' }))?.runs ?? [];
  /** Waits for a run in that state; time passes meanwhile when hosts must see each other's silence. */
  const untilRun = async (state: string, passMs = 0): Promise<void> =>
    until(async () => {
      if (passMs > 0) clock.advance(passMs);
      return (await runs()).some((run) => run.state === state);
    });

  beforeEach(async () => {
    clock = new FakeClock(START);
    store = await the.open();
    plugin = new Plugin();
    started = [];
    keepRuns = 100;
  });
  afterEach(async () => {
    for (const { fail } of plugin.calls) fail(new BulkheadError(ErrorCode.PLUGIN_EXITED, 'over'));
    for (const schedules of started) await schedules.stop();
  });

  describe('firing', () => {
    test('runs at each fire, and remembers how it went', async () => {
      plugin.declared = [every5({ timeoutMs: 1_234 })];
      await host();
      for (let n = 1; n <= 3; n += 1) {
        await untilLater(
          async () => (await runs()).filter(({ state }) => state === 'succeeded').length === n,
        );
      }
      const first = Date.parse('2026-01-01T00:05:00Z');
      expect(plugin.fires).toEqual([first, first + 5 * MINUTE_MS, first + 10 * MINUTE_MS]);
      expect(plugin.calls[0]?.options.timeoutMs).toBe(1_234);
      expect(await runs()).toMatchObject([
        { fireMs: first + 10 * MINUTE_MS },
        {},
        { fireMs: first, reason: '' },
      ]);
    });

    test('does not run what fired before the schedule was there', async () => {
      plugin.declared = [every5({ missed: 'once' })];
      await host();
      clock.advance(1_000);
      expect(await runs()).toEqual([]);
    });

    test.each([
      [new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, 'late'), 'timed_out'],
      [new BulkheadError(ErrorCode.PLUGIN_ERROR, 'no'), 'failed'],
      [new BulkheadError(ErrorCode.PLUGIN_EXITED, 'gone'), 'interrupted'],
    ])('a run that ends with %s is %s', async (error, state) => {
      plugin.declared = [every5()];
      plugin.atOnce = false;
      await host();
      await untilLater(() => plugin.calls.length === 1);
      plugin.calls[0]?.fail(error);
      await untilRun(state);
      expect(await runs()).toMatchObject([{ state, reason: `${error.code}: ${error.message}` }]);
    });

    test('skips a fire while the run before is under way', async () => {
      plugin.declared = [every5()];
      plugin.atOnce = false;
      await host();
      await untilLater(() => plugin.calls.length === 1);
      await untilRun('skipped', 5_000);
      plugin.calls[0]?.end();
      await untilRun('succeeded');
      expect(plugin.calls).toHaveLength(1);
    });

    test('keeps so many ended runs', async () => {
      keepRuns = 2;
      plugin.declared = [every5()];
      await host();
      for (let n = 1; n <= 4; n += 1) {
        await untilLater(() => plugin.calls.length === n);
      }
      await until(async () => (await runs()).length === 2);
    });
  });

  describe('fires that were missed', () => {
    test.each([
      ['skip', 0, 'skipped'],
      ['once', 1, 'succeeded'],
    ] as const)('%s: while no host ran, %i of them run', async (missed, count, state) => {
      plugin.declared = [every5({ missed })];
      await (await host()).stop();
      clock.advance(3 * HOUR_MS + MINUTE_MS);
      await host();
      await untilRun(state);
      expect(plugin.calls).toHaveLength(count);
      expect(await runs()).toMatchObject([{ fireMs: Date.parse('2026-01-01T03:00:00Z'), state }]);
    });

    test('while the plugin was down they are as missed', async () => {
      plugin.declared = [every5({ missed: 'once' })];
      const schedules = await host();
      plugin.serving = false;
      clock.advance(HOUR_MS);
      expect(await runs()).toEqual([]);
      plugin.serving = true;
      schedules.rewire();
      await untilRun('succeeded');
      expect(plugin.calls).toHaveLength(1);
    });
  });

  describe('a clock that is set', () => {
    test('forward: neither a storm nor two runs of one fire', async () => {
      plugin.declared = [every5()];
      const schedules = await host();
      clock.set(START + 100 * HOUR_MS + MINUTE_MS);
      schedules.rewire();
      await untilRun('skipped');
      expect(await runs()).toHaveLength(1);
      expect(plugin.calls).toHaveLength(0);
    });

    test('backward: no fire runs again', async () => {
      plugin.declared = [every5()];
      const schedules = await host();
      await untilRun('succeeded', 5_000);
      clock.set(START);
      schedules.rewire();
      await untilLater(() => plugin.calls.length === 2);
      expect(new Set(plugin.fires).size).toBe(2);
    });

    test('backward by far, after it was wrong: it begins anew', async () => {
      plugin.declared = [every5()];
      clock.set(START + 10_000 * HOUR_MS);
      const schedules = await host();
      clock.set(START);
      schedules.rewire();
      await until(async () => ((await schedules.list())[0]?.nextFireMs ?? Infinity) < START + HOUR_MS);
      await untilRun('succeeded', 5_000);
    });
  });

  describe('by hand', () => {
    test('runs at once, once at a time', async () => {
      plugin.declared = [every5()];
      plugin.atOnce = false;
      const schedules = await host();
      const id = await schedules.runNow('p', 'tidy', HOST_ACTOR);
      await expect(schedules.runNow('p', 'tidy', HOST_ACTOR)).rejects.toMatchObject({ code: 'CONFLICT' });
      await until(() => plugin.calls.length === 1);
      expect(plugin.calls[0]?.request).toMatchObject({ name: 'tidy', runId: id, byHand: true });
      plugin.calls[0]?.end();
      await untilRun('succeeded');
      await expect(schedules.runNow('p', 'none', HOST_ACTOR)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('not while the plugin is down', async () => {
      plugin.declared = [every5()];
      const schedules = await host();
      plugin.serving = false;
      await expect(schedules.runNow('p', 'tidy', HOST_ACTOR)).rejects.toMatchObject({
        code: 'PLUGIN_UNAVAILABLE',
      });
    });
  });

  describe('making and changing', () => {
    const nightly = { ...every5(), name: 'nightly', cron: '0 3 * * *', timeoutMs: 0 };

    test('a plugin makes one, changes it, pauses it, deletes it', async () => {
      const schedules = await host();
      expect(await schedules.create('p', nightly, false, HOST_ACTOR)).toMatchObject({
        declared: false,
        nextFireMs: Date.parse('2026-01-01T03:00:00Z'),
      });
      await expect(schedules.create('p', nightly, false, HOST_ACTOR)).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
      const earlier = { ...nightly, cron: '0 2 * * *' };
      await schedules.update('p', earlier, false, HOST_ACTOR);
      clock.advance(2 * HOUR_MS);
      await untilRun('succeeded');
      expect(await schedules.update('p', earlier, true, HOST_ACTOR)).toMatchObject({ paused: true });
      expect((await schedules.list('p'))[0]?.nextFireMs).toBeUndefined();
      await schedules.delete('p', 'nightly', HOST_ACTOR);
      expect(await schedules.list('p')).toEqual([]);
      expect(await runs()).toEqual([]);
    });

    test('what fired while it was paused was not missed', async () => {
      plugin.declared = [every5({ missed: 'once' })];
      const schedules = await host();
      await schedules.setPaused('p', 'tidy', true, HOST_ACTOR);
      clock.advance(HOUR_MS);
      await schedules.setPaused('p', 'tidy', false, HOST_ACTOR);
      clock.advance(MINUTE_MS);
      await schedules.list();
      expect(await runs()).toEqual([]);
    });

    test('of a declared one only whether it is paused can be changed', async () => {
      plugin.declared = [every5()];
      const schedules = await host();
      const definition = { ...every5(), timeoutMs: 0 };
      await expect(schedules.create('p', definition, false, HOST_ACTOR)).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
      await expect(
        schedules.update('p', { ...definition, cron: '0 0 * * *' }, false, HOST_ACTOR),
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(schedules.delete('p', 'tidy', HOST_ACTOR)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      expect(await schedules.update('p', definition, true, HOST_ACTOR)).toMatchObject({ paused: true });
    });

    test('refuses what is no cron, no time zone or no name', async () => {
      const schedules = await host();
      for (const change of [
        { cron: '* *' },
        { timezone: 'Mars' },
        { name: 'a b' },
        { timeoutMs: 1e9 },
        TOO_LONG,
      ]) {
        await expect(
          schedules.create('p', { ...nightly, ...change }, false, HOST_ACTOR),
        ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
    });

    test('a plugin makes a bounded number', async () => {
      const schedules = await host();
      const create = async (n: number) =>
        schedules.create('p', { ...nightly, name: `n${n}` }, true, HOST_ACTOR);
      for (let n = 0; n < 98; n += 1) await create(n);
      await Promise.allSettled(Array.from({ length: 6 }, async (_, n) => create(98 + n)));
      const made = await schedules.list('p');
      expect(made.length).toBeLessThanOrEqual(100);
      for (let n = made.length; n < 100; n += 1) await create(1_000 + n);
      await expect(schedules.create('p', nightly, true, HOST_ACTOR)).rejects.toMatchObject({
        code: 'QUOTA_EXCEEDED',
      });
    });
  });

  describe('several hosts on one store', () => {
    test('each fire runs once', async () => {
      plugin.declared = [every5()];
      await host();
      await host();
      await host();
      for (let n = 1; n <= 5; n += 1) {
        await untilLater(
          async () => (await runs()).filter(({ state }) => state === 'succeeded').length === n,
        );
      }
      // Time may have passed on to one more.
      expect(new Set(plugin.fires).size).toBe(plugin.calls.length);
    });

    test('a fire that could not be claimed at first is claimed before it counts as missed', async () => {
      plugin.declared = [every5()];
      const opened = await the.open();
      let failures = 0;
      await host(plugin, clock, {
        ...opened,
        transaction: async (work) => {
          failures += 1;
          if (failures === 1) throw new BulkheadError(ErrorCode.STORE_BUSY, 'busy');
          return opened.transaction(work);
        },
      });
      // A moment after it fires.
      clock.advance(4.5 * MINUTE_MS + 100);
      await until(() => failures === 1);
      await until(() => {
        clock.advance(100);
        return failures > 1;
      });
      await untilRun('succeeded');
      expect(plugin.calls).toHaveLength(1);
    });

    test('refuses a page token that no list gave', async () => {
      const schedules = await host();
      for (const position of ['abc', '-1', '1.5', '1e400']) {
        const pageToken = Buffer.from(position).toString('base64url');
        const asked = schedules.runs({ entry: 'p', schedule: '', pageSize: 0, pageToken });
        await expect(asked).rejects.toMatchObject({ field: 'page_token' });
      }
    });

    test.each([
      [false, 1],
      [true, 2],
    ])(
      'the run of a host that died is interrupted; with retry: %j it runs %i times',
      async (retry, count) => {
        plugin.declared = [every5({ retry })];
        plugin.atOnce = false;
        // Its time stands still once it runs: it counts up no more, as if it were dead.
        const dead = new FakeClock(START);
        await host(plugin, dead);
        dead.advance(5 * MINUTE_MS);
        await until(() => plugin.calls.length === 1);
        clock.advance(5 * MINUTE_MS);
        await host();
        await untilRun('interrupted', 1_000);
        if (retry) {
          await until(() => {
            clock.advance(1_000);
            return plugin.calls.length === 2;
          });
          expect(plugin.calls[1]?.request).toMatchObject({ repeats: true });
          expect(plugin.calls[1]?.request.runId).not.toBe(plugin.calls[0]?.request.runId);
          plugin.calls[1]?.end();
          await untilRun('succeeded');
        }
        // What it says now comes too late.
        plugin.calls[0]?.end();
        await started[0]?.stop();
        expect((await runs(started[1])).map(({ state }) => state)).toEqual(
          retry ? ['succeeded', 'interrupted'] : ['interrupted'],
        );
        expect(plugin.calls).toHaveLength(count);
      },
    );

    test('a host that lost its run ends it', async () => {
      plugin.declared = [every5()];
      plugin.atOnce = false;
      const schedules = await host();
      await untilLater(() => plugin.calls.length === 1);
      await store.db.updateTable('schedule_runs').set({ state: 'interrupted' }).execute();
      await until(() => {
        clock.advance(1_000);
        return plugin.calls[0]?.options.signal?.aborted === true;
      });
      await schedules.stop();
      expect(await runs()).toMatchObject([{ state: 'interrupted' }]);
    });

    test('a long run that is counted up is left alone', async () => {
      plugin.declared = [every5()];
      plugin.atOnce = false;
      await host();
      await host();
      await untilLater(() => plugin.calls.length === 1);
      for (let n = 0; n < 4; n += 1) {
        const before =
          (await store.db.selectFrom('schedule_runs').select('beat').executeTakeFirst())?.beat ?? 0;
        await until(async () => {
          clock.advance(250);
          const row = await store.db.selectFrom('schedule_runs').select('beat').executeTakeFirst();
          return (row?.beat ?? 0) > before;
        });
      }
      expect(await runs()).toMatchObject([{ state: 'running' }]);
    });
  });
});
