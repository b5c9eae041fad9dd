import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { Database } from '../../store/database.js';
import type { Store } from '../../store/store.js';
import type { Schedule } from './schedule.js';

/** A run that this host has claimed and must run. */
export interface ClaimedRun {
  readonly id: string;
  readonly entry: string;
  readonly schedule: string;
  readonly fireMs: number;
  readonly byHand: boolean;
  readonly repeats: boolean;
}

interface NewRun {
  readonly entry: string;
  readonly schedule: string;
  readonly claim: string;
  readonly fireMs: number;
  readonly retry: boolean;
  readonly byHand: boolean;
  readonly repeats: number;
}

/** Runs of one claim, the first included. */
const MAX_RUNS_OF_A_FIRE = 3;

export interface Claims {
  /** The fire as a run; undefined when another host had it, or it may not run and that was noted. */
  fire(schedule: Schedule, fireMs: number): Promise<ClaimedRun | undefined>;
  /** Notes fires that do not run. Whoever notes it first. */
  skip(schedule: Schedule, fireMs: number, reason: string): Promise<void>;
  /** Within the caller's transaction; undefined when one is under way. */
  byHand(
    trx: Transaction<Database>,
    schedule: Pick<Schedule, 'entry' | 'name' | 'retry'>,
  ): Promise<ClaimedRun | undefined>;
  /** Repetitions that are owed to plugins that serve here. */
  repetitions(entries: readonly string[]): Promise<readonly ClaimedRun[]>;
}

/** Every way to a run: each claims in one transaction what nobody else may claim again. */
export function createClaims(store: Store, holder: string, nowMs: () => number): Claims {
  /** Takes all fires up to this one; false when somebody else has. So claims of one schedule wait for each other. */
  const advance = async (
    trx: Transaction<Database>,
    { entry, name }: Schedule,
    fireMs: number,
  ): Promise<boolean> => {
    const moved = await trx
      .updateTable('schedules')
      .set({ considered_at: fireMs })
      .where('entry', '=', entry)
      .where('name', '=', name)
      .where('considered_at', '<', fireMs)
      .where('paused', '=', 0)
      .returning('name')
      .execute();
    return moved.length > 0;
  };

  const isRunning = async (trx: Transaction<Database>, entry: string, schedule: string): Promise<boolean> => {
    const running = await trx
      .selectFrom('schedule_runs')
      .select('id')
      .where('entry', '=', entry)
      .where('schedule', '=', schedule)
      .where('state', '=', 'running')
      .limit(1)
      .execute();
    return running.length > 0;
  };

  /** Undefined when the claim was taken, or `skipped` says why it does not run. */
  const insert = async (
    trx: Transaction<Database>,
    run: NewRun,
    skipped?: string,
  ): Promise<ClaimedRun | undefined> => {
    const id = randomUUID();
    const now = Math.floor(nowMs());
    const made = await trx
      .insertInto('schedule_runs')
      .values({
        id,
        entry: run.entry,
        schedule: run.schedule,
        claim: run.claim,
        fire_at: run.fireMs,
        started_at: now,
        ended_at: skipped === undefined ? null : now,
        state: skipped === undefined ? 'running' : 'skipped',
        reason: skipped ?? '',
        by_hand: run.byHand ? 1 : 0,
        repeats: run.repeats,
        retry: run.retry ? 1 : 0,
        repeat_due: 0,
        holder,
        beat: 0,
      })
      .onConflict((conflict) => conflict.columns(['entry', 'schedule', 'claim']).doNothing())
      .returning('id')
      .execute();
    if (made.length === 0 || skipped !== undefined) return undefined;
    const { entry, schedule, fireMs, byHand } = run;
    return { id, entry, schedule, fireMs, byHand, repeats: run.repeats > 0 };
  };

  const ofFire = ({ entry, name, retry }: Schedule, fireMs: number): NewRun => ({
    entry,
    schedule: name,
    claim: `fire/${fireMs}`,
    fireMs,
    retry,
    byHand: false,
    repeats: 0,
  });

  return {
    async fire(schedule, fireMs) {
      return store.transaction(async (trx) => {
        if (!(await advance(trx, schedule, fireMs))) return undefined;
        const overlap = await isRunning(trx, schedule.entry, schedule.name);
        return insert(
          trx,
          ofFire(schedule, fireMs),
          overlap ? 'the run before it was still under way' : undefined,
        );
      });
    },
    async skip(schedule, fireMs, reason) {
      await store.transaction(async (trx) => {
        if (await advance(trx, schedule, fireMs)) await insert(trx, ofFire(schedule, fireMs), reason);
      });
    },
    async byHand(trx, { entry, name, retry }) {
      // Claims of one schedule wait for each other at its row.
      await trx
        .updateTable('schedules')
        .set((eb) => ({ considered_at: eb.ref('considered_at') }))
        .where('entry', '=', entry)
        .where('name', '=', name)
        .execute();
      if (await isRunning(trx, entry, name)) return undefined;
      const claim = `hand/${randomUUID()}`;
      const fireMs = Math.floor(nowMs());
      return insert(trx, { entry, schedule: name, claim, fireMs, retry, byHand: true, repeats: 0 });
    },
    async repetitions(entries) {
      if (entries.length === 0) return [];
      const owed = await store.db
        .selectFrom('schedule_runs')
        .select(['id', 'entry', 'schedule', 'claim', 'fire_at', 'retry', 'by_hand', 'repeats'])
        .where('state', '=', 'interrupted')
        .where('repeat_due', '=', 1)
        .where('entry', 'in', entries)
        .execute();
      const claimed: ClaimedRun[] = [];
      for (const run of owed) {
        const repeated = await store.transaction(async (trx) => {
          if (await isRunning(trx, run.entry, run.schedule)) return undefined;
          const taken = await trx
            .updateTable('schedule_runs')
            .set({ repeat_due: 0 })
            .where('id', '=', run.id)
            .where('repeat_due', '=', 1)
            .returning('id')
            .execute();
          if (taken.length === 0) return undefined;
          const repeats = run.repeats + 1;
          return insert(trx, {
            entry: run.entry,
            schedule: run.schedule,
            claim: `${run.claim.replace(/ again \d+$/, '')} again ${repeats}`,
            fireMs: run.fire_at,
            retry: run.retry === 1 && repeats + 1 < MAX_RUNS_OF_A_FIRE,
            byHand: run.by_hand === 1,
            repeats,
          });
        });
        if (repeated !== undefined) claimed.push(repeated);
      }
      return claimed;
    },
  };
}
