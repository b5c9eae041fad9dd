import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { Actor, Audit, AuditEntry } from '../../telemetry/audit.js';
import type { Logger } from '../../telemetry/logger.js';
import { createClaims } from './claims.js';
import { assertDefinition, invalid, sameDefinition } from './definition.js';
import { listRuns, type RunPage, type RunQuery } from './run-list.js';
import { Runner } from './runner.js';
import { TimesCache, toRow, type Schedule, type ScheduleDefinition } from './schedule.js';
import { loadSchedules, type ScheduledPlugin } from './schedule-list.js';
import { createScheduler, SCHEDULES_CHANNEL } from './scheduler.js';

export interface SchedulesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  /** The plugins that take calls on this host now. */
  readonly plugins: () => readonly ScheduledPlugin[];
  readonly bounds: () => { readonly runTimeoutMs: number; readonly keepRuns: number };
  /** Default: 15,000. */
  readonly ttlMs?: number;
}

/** A schedule as it is shown. */
export interface ScheduleStatus extends ScheduleDefinition {
  readonly entry: string;
  readonly declared: boolean;
  readonly paused: boolean;
  /** Undefined when it is paused, or never fires. */
  readonly nextFireMs: number | undefined;
}

/** Work at set times, of all configured entries. */
export interface Schedules {
  /** By entry and name; of one entry, or of all that run on this host. */
  list(entry?: string): Promise<readonly ScheduleStatus[]>;
  /** @throws ALREADY_EXISTS, INVALID_ARGUMENT, QUOTA_EXCEEDED */
  create(
    entry: string,
    definition: ScheduleDefinition,
    paused: boolean,
    actor: Actor,
  ): Promise<ScheduleStatus>;
  /** Of a declared one only `paused` may differ. @throws NOT_FOUND, INVALID_ARGUMENT */
  update(
    entry: string,
    definition: ScheduleDefinition,
    paused: boolean,
    actor: Actor,
  ): Promise<ScheduleStatus>;
  /** @throws NOT_FOUND */
  setPaused(entry: string, name: string, paused: boolean, actor: Actor): Promise<ScheduleStatus>;
  /** Its runs are forgotten too. @throws NOT_FOUND, INVALID_ARGUMENT for a declared one */
  delete(entry: string, name: string, actor: Actor): Promise<void>;
  /** The run's id, when it is claimed. @throws NOT_FOUND, CONFLICT while one is under way, PLUGIN_UNAVAILABLE */
  runNow(entry: string, name: string, actor: Actor): Promise<string>;
  /** Newest first. */
  runs(query: RunQuery): Promise<RunPage>;
  start(): void;
  /** The plugins that take calls are others now. */
  rewire(): void;
  pause(): void;
  stop(): Promise<void>;
}

const TTL_MS = 15_000;
/** Beats within the time after which a run counts as cut short. */
const BEATS_PER_TTL = 4;
/** That one entry may make, besides what its manifest declares. */
export const MAX_SCHEDULES = 100;

export function createSchedules(options: SchedulesOptions): Schedules {
  const { store, clock, log, audit, plugins, bounds, ttlMs = TTL_MS } = options;
  const { db } = store;
  const holder = randomUUID();
  const times = new TimesCache();
  const claims = createClaims(store, holder, () => clock.now());
  const runner = new Runner({ store, clock, log, holder, ttlMs, keepRuns: () => bounds().keepRuns });
  const scheduler = createScheduler({
    ...options,
    claims,
    runner,
    times,
    runTimeoutMs: () => bounds().runTimeoutMs,
    beatEveryMs: Math.floor(ttlMs / BEATS_PER_TTL),
  });

  const loaded = async (entry: string): Promise<readonly Schedule[]> =>
    loadSchedules(
      store,
      clock,
      plugins().filter(({ name }) => name === entry),
    );

  const find = async (entry: string, name: string): Promise<Schedule> => {
    const found = (await loaded(entry)).find((schedule) => schedule.name === name);
    if (found !== undefined) return found;
    throw new BulkheadError(ErrorCode.NOT_FOUND, `plugin '${entry}' has no schedule '${name}'`, {
      field: 'name',
    });
  };

  const show = (schedule: Schedule): ScheduleStatus => {
    const { entry, declared, paused, name, cron, timezone, timeoutMs, retry, missed } = schedule;
    const definition = { name, cron, timezone, timeoutMs, retry, missed };
    return { ...definition, entry, declared, paused, nextFireMs: nextFire(schedule) };
  };

  const nextFire = (schedule: Schedule): number | undefined => {
    if (schedule.paused) return undefined;
    try {
      return times.of(schedule).next(Math.max(schedule.consideredAt, clock.now()));
    } catch {
      // The log says what is wrong with it.
      return undefined;
    }
  };

  /** The change stands, in the audit log too, and every host knows. */
  const changed = async (): Promise<void> => {
    await audit.settled();
    await store.notify(SCHEDULES_CHANNEL, '');
  };

  return {
    async list(entry) {
      const wanted = plugins().filter(({ name }) => entry === undefined || name === entry);
      const all = await loadSchedules(store, clock, wanted);
      return all.map(show).toSorted((a, b) => compare(a.entry, b.entry) || compare(a.name, b.name));
    },
    async create(entry, definition, paused, actor) {
      assertDefinition(definition);
      times.of(definition);
      const there = await loaded(entry);
      if (there.some(({ name }) => name === definition.name)) throw taken(definition.name);
      const values = {
        ...toRow(definition),
        cron: definition.cron,
        paused: paused ? 1 : 0,
        considered_at: Math.floor(clock.now()),
      };
      await store.transaction(async (trx) => {
        const { count } = await trx
          .selectFrom('schedules')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('entry', '=', entry)
          .where('cron', 'is not', null)
          .executeTakeFirstOrThrow();
        if (count >= MAX_SCHEDULES) throw tooMany(entry);
        const made = await trx
          .insertInto('schedules')
          .values({ entry, name: definition.name, ...values })
          // A manifest that is no longer there may have left its row.
          .onConflict((conflict) =>
            conflict.columns(['entry', 'name']).doUpdateSet(values).where('schedules.cron', 'is', null),
          )
          .returning('name')
          .execute();
        if (made.length === 0) throw taken(definition.name);
        await audit.write(trx, entryOf('schedule.create', entry, definition.name, actor));
      });
      await changed();
      return show(await find(entry, definition.name));
    },
    async update(entry, definition, paused, actor) {
      assertDefinition(definition);
      const before = await find(entry, definition.name);
      if (before.declared) {
        if (!sameDefinition(before, definition)) {
          throw invalid(
            'schedule',
            `'${definition.name}' is declared in the manifest; only 'paused' can be changed`,
          );
        }
        return this.setPaused(entry, definition.name, paused, actor);
      }
      times.of(definition);
      const moved = before.spec !== toRow(definition).spec || (before.paused && !paused);
      await store.transaction(async (trx) => {
        await trx
          .updateTable('schedules')
          .set({
            ...toRow(definition),
            cron: definition.cron,
            paused: paused ? 1 : 0,
            // What would have fired by other times was not missed.
            ...(moved ? { considered_at: Math.floor(clock.now()) } : {}),
          })
          .where('entry', '=', entry)
          .where('name', '=', definition.name)
          .execute();
        await audit.write(trx, entryOf('schedule.update', entry, definition.name, actor));
      });
      await changed();
      return show(await find(entry, definition.name));
    },
    async setPaused(entry, name, paused, actor) {
      const before = await find(entry, name);
      if (before.paused !== paused) {
        await store.transaction(async (trx) => {
          await trx
            .updateTable('schedules')
            .set(paused ? { paused: 1 } : { paused: 0, considered_at: Math.floor(clock.now()) })
            .where('entry', '=', entry)
            .where('name', '=', name)
            .execute();
          await audit.write(trx, entryOf(paused ? 'schedule.pause' : 'schedule.resume', entry, name, actor));
        });
        await changed();
      }
      return show(await find(entry, name));
    },
    async delete(entry, name, actor) {
      const { declared } = await find(entry, name);
      if (declared) throw invalid('name', `'${name}' is declared in the manifest; pause it instead`);
      await store.transaction(async (trx) => {
        await trx.deleteFrom('schedules').where('entry', '=', entry).where('name', '=', name).execute();
        await trx
          .deleteFrom('schedule_runs')
          .where('entry', '=', entry)
          .where('schedule', '=', name)
          .execute();
        await audit.write(trx, entryOf('schedule.delete', entry, name, actor));
      });
      await changed();
    },
    async runNow(entry, name, actor) {
      const schedule = await find(entry, name);
      if (plugins().find((plugin) => plugin.name === entry)?.port.serving !== true) {
        throw new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `plugin '${entry}' does not run on this host`, {
          retryable: true,
        });
      }
      const run = await store.transaction(async (trx) => {
        const claimed = await claims.byHand(trx, schedule);
        if (claimed === undefined) return undefined;
        await audit.write(trx, entryOf('schedule.run', entry, name, actor));
        return claimed;
      });
      if (run === undefined)
        throw new BulkheadError(
          ErrorCode.CONFLICT,
          `a run of '${name}' is under way; try again when it has ended`,
        );
      await audit.settled();
      scheduler.run(run, schedule.timeoutMs);
      return run.id;
    },
    runs: async (query) => listRuns(db, query),
    start: () => {
      scheduler.start();
    },
    rewire: () => {
      scheduler.kick();
    },
    pause: () => {
      scheduler.pause();
    },
    stop: async () => scheduler.stop(),
  };
}

function entryOf(action: string, entry: string, name: string, actor: Actor): AuditEntry {
  return { actor, action, target: `plugin/${entry}/schedule/${name}`, outcome: 'allowed' };
}

function tooMany(entry: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.QUOTA_EXCEEDED,
    `plugin '${entry}' has made ${MAX_SCHEDULES} schedules, and may have no more; delete one`,
  );
}

function taken(name: string): BulkheadError {
  return new BulkheadError(ErrorCode.ALREADY_EXISTS, `there is a schedule '${name}' already`, {
    field: 'name',
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
