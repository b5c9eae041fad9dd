import { RunScheduleRequest } from '@bulkhead/proto/plugin';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import { Unchanged } from '../../store/unchanged.js';
import type { Logger } from '../../telemetry/logger.js';
import type { ClaimedRun } from './claims.js';
import { outcomeOf, type RunState } from './run-state.js';
import type { ScheduledPlugin } from './schedule-list.js';

const RUN = '/bulkhead.plugin.v1.ScheduleService/RunSchedule';

export interface RunnerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Names this run of this host. */
  readonly holder: string;
  /** A run that nobody counted up for so long was cut short. */
  readonly ttlMs: number;
  /** Ended runs of one schedule that are remembered. */
  readonly keepRuns: () => number;
}

/** The runs that this host has claimed, and the eye on those of others. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #own = new Map<string, AbortController>();
  readonly #ended = new Set<Promise<void>>();
  readonly #others: Unchanged;
  #beatMs: number;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#others = new Unchanged(options.clock);
    this.#beatMs = options.clock.monotonic();
  }

  /** Runs it, and writes what became of it. Does not wait. */
  run(run: ClaimedRun, port: ScheduledPlugin['port'], timeoutMs: number): void {
    const controller = new AbortController();
    if (this.#own.size === 0) this.#beatMs = this.#options.clock.monotonic();
    this.#own.set(run.id, controller);
    const { fireMs, byHand, repeats } = run;
    const body = RunScheduleRequest.encode({
      name: run.schedule,
      runId: run.id,
      fireMs: BigInt(fireMs),
      byHand,
      repeats,
    }).finish();
    const ended = port
      .call(RUN, body, { timeoutMs, signal: controller.signal })
      .then(() => ({ state: 'succeeded' as const, reason: '' }), outcomeOf)
      .then(async ({ state, reason }) => this.#end(run, state, reason))
      .catch((error: unknown) => {
        const { entry, schedule, id } = run;
        this.#options.log.error(
          { err: error, plugin: entry, schedule, run: id },
          'the outcome of a run could not be kept; it will count as interrupted',
        );
      })
      .finally(() => {
        this.#own.delete(run.id);
        this.#ended.delete(ended);
      });
    this.#ended.add(ended);
  }

  /** Counts this host's runs up, and ends those that are its own no more. */
  async beat(): Promise<void> {
    const ids = [...this.#own.keys()];
    if (ids.length === 0) return;
    const { store, clock, ttlMs, holder } = this.#options;
    const askedMs = clock.monotonic();
    try {
      const rows = await store.db
        .updateTable('schedule_runs')
        .set((eb) => ({ beat: eb('beat', '+', 1) }))
        .where('id', 'in', ids)
        .where('state', '=', 'running')
        .where('holder', '=', holder)
        .returning('id')
        .execute();
      const kept = new Set(rows.map(({ id }) => id));
      for (const id of ids) if (!kept.has(id)) this.#own.get(id)?.abort();
      this.#beatMs = askedMs;
    } catch (error) {
      // Another host calls them interrupted at the end of this time; they must have ended by then.
      if (clock.monotonic() - this.#beatMs >= ttlMs / 2) for (const id of ids) this.#own.get(id)?.abort();
      throw error;
    }
  }

  /** Calls interrupted what nobody counts up any more. */
  async reap(): Promise<void> {
    const { store, clock, log, ttlMs } = this.#options;
    const running = await store.db
      .selectFrom('schedule_runs')
      .select(['id', 'entry', 'schedule', 'holder', 'beat', 'retry'])
      .where('state', '=', 'running')
      .execute();
    const others = running.filter(({ id }) => !this.#own.has(id));
    this.#others.keep(new Set(others.map(({ id }) => id)));
    for (const { id, entry, schedule, holder, beat, retry } of others) {
      if (this.#others.forMs(id, String(beat)) < ttlMs) continue;
      const reaped = await store.db
        .updateTable('schedule_runs')
        .set({
          state: 'interrupted',
          reason: 'the host that ran it is gone',
          ended_at: Math.floor(clock.now()),
          repeat_due: retry,
        })
        .where('id', '=', id)
        .where('state', '=', 'running')
        .where('holder', '=', holder)
        .where('beat', '=', beat)
        .returning('id')
        .execute();
      if (reaped.length > 0)
        log.warn({ plugin: entry, schedule, run: id }, 'a run was interrupted: its host is gone');
    }
  }

  /** Resolves when every run of this host has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#ended);
  }

  /** Only of a run that is still this host's. */
  async #end({ id, entry, schedule }: ClaimedRun, state: RunState, reason: string): Promise<void> {
    const { store, clock, log, holder } = this.#options;
    const written = await store.db
      .updateTable('schedule_runs')
      .set((eb) => ({
        state,
        reason,
        ended_at: Math.floor(clock.now()),
        repeat_due: state === 'interrupted' ? eb.ref('retry') : eb.lit(0),
      }))
      .where('id', '=', id)
      .where('state', '=', 'running')
      .where('holder', '=', holder)
      .returning('id')
      .execute();
    const fields = { plugin: entry, schedule, run: id };
    if (written.length === 0) log.warn(fields, 'a run ended that this host had lost; its outcome is dropped');
    else if (state !== 'succeeded') log.warn({ ...fields, reason }, `a run of a schedule ${state}`);
    await this.#prune(entry, schedule);
  }

  async #prune(entry: string, schedule: string): Promise<void> {
    const { store, keepRuns } = this.#options;
    const oldest = await store.db
      .selectFrom('schedule_runs')
      .select('seq')
      .where('entry', '=', entry)
      .where('schedule', '=', schedule)
      .orderBy('seq', 'desc')
      .limit(1)
      .offset(keepRuns())
      .executeTakeFirst();
    if (oldest === undefined) return;
    await store.db
      .deleteFrom('schedule_runs')
      .where('entry', '=', entry)
      .where('schedule', '=', schedule)
      .where('seq', '<=', oldest.seq)
      .where('state', '!=', 'running')
      .where('repeat_due', '=', 0)
      .execute();
  }
}
