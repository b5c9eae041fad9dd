import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/logger.js';
import type { ClaimedRun, Claims } from './claims.js';
import type { Runner } from './runner.js';
import type { Schedule, TimesCache } from './schedule.js';
import { loadSchedules, type ScheduledPlugin } from './schedule-list.js';

/** The channel on which hosts tell each other that schedules changed. */
export const SCHEDULES_CHANNEL = 'schedules';
/** A fire that is later than this was missed. */
const LATE_MS = 30_000;
/** Wait after a look that failed: well before what it did not claim counts as missed. */
const RETRY_MS = 2_000;
/** Longest wait before looking again: the wall clock may have been set. */
const MAX_WAIT_MS = 30_000;
const MISSED = 'missed: no host ran then, or the plugin was down';

export interface SchedulerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly claims: Claims;
  readonly runner: Runner;
  readonly times: TimesCache;
  /** The plugins that take calls on this host now. */
  readonly plugins: () => readonly ScheduledPlugin[];
  /** Of a schedule that names none. */
  readonly runTimeoutMs: () => number;
  /** Between two looks at the runs of this host and others. */
  readonly beatEveryMs: number;
}

/** Runs schedules when they fire. */
export interface Scheduler {
  start(): void;
  /** Schedules or plugins are others now. */
  kick(): void;
  /** Runs what was claimed. */
  run(run: ClaimedRun, timeoutMs: number): void;
  pause(): void;
  /** Resolves when nothing is under way. */
  stop(): Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { store, clock, log, claims, runner, times, plugins, runTimeoutMs, beatEveryMs } = options;
  const broken = new Set<string>();
  let paused = false;
  let looking: Promise<void> | undefined;
  let again = false;
  let cancelLook: () => void = () => {};
  let cancelBeat: () => void = () => {};
  let beating: Promise<void> = Promise.resolve();
  let unlisten: () => void = () => {};

  const serving = (): readonly ScheduledPlugin[] => plugins().filter(({ port }) => port.serving);

  const run = (claimed: ClaimedRun, timeoutMs: number): void => {
    const plugin = plugins().find(({ name }) => name === claimed.entry);
    if (plugin !== undefined) runner.run(claimed, plugin.port, timeoutMs > 0 ? timeoutMs : runTimeoutMs());
  };

  /** Runs or skips what is due; says when it fires next. */
  const consider = async (schedule: Schedule): Promise<number | undefined> => {
    const at = times.of(schedule);
    const now = clock.now();
    const due = at.due(schedule.consideredAt, now);
    if (due === undefined) return at.next(Math.max(schedule.consideredAt, now));
    const late = now - due > LATE_MS;
    if (late && schedule.missed === 'skip') await claims.skip(schedule, due, MISSED);
    else {
      const claimed = await claims.fire(schedule, due);
      if (claimed !== undefined) run(claimed, schedule.timeoutMs);
    }
    return at.next(Math.max(due, now));
  };

  const look = async (): Promise<number> => {
    let next = Infinity;
    for (const schedule of await loadSchedules(store, clock, serving())) {
      if (schedule.paused || paused) continue;
      const { entry, name, spec } = schedule;
      const key = `${entry}/${name}/${spec}`;
      try {
        next = Math.min(next, (await consider(schedule)) ?? Infinity);
        broken.delete(key);
      } catch (thrown) {
        const error = BulkheadError.from(thrown);
        if (!broken.has(key)) log.error({ plugin: entry, schedule: name, err: error }, error.message);
        broken.add(key);
        // One that cannot be read stays so; another fault may be over.
        if (error.code !== ErrorCode.INVALID_ARGUMENT) next = Math.min(next, clock.now() + RETRY_MS);
      }
    }
    return next;
  };

  const kick = (): void => {
    if (paused) return;
    if (looking !== undefined) {
      again = true;
      return;
    }
    cancelLook();
    looking = look()
      .catch((error: unknown) => {
        log.warn({ err: error }, 'could not look for schedules that are due; looking again later');
        return clock.now() + RETRY_MS;
      })
      .then((next) => {
        looking = undefined;
        if (paused) return;
        if (again) {
          again = false;
          kick();
          return;
        }
        cancelLook = clock.after(Math.min(MAX_WAIT_MS, Math.max(1, next - clock.now())), kick);
      });
  };

  const beat = async (): Promise<void> => {
    try {
      await runner.beat();
      await runner.reap();
      if (paused) return;
      const here = serving().map(({ name }) => name);
      const owed = await claims.repetitions(here);
      if (owed.length === 0) return;
      const schedules = await loadSchedules(store, clock, serving());
      for (const claimed of owed) {
        const { timeoutMs = 0 } =
          schedules.find(({ entry, name }) => entry === claimed.entry && name === claimed.schedule) ?? {};
        run(claimed, timeoutMs);
      }
    } catch (error) {
      log.warn({ err: error }, 'could not look after the runs of schedules; trying again');
    }
  };

  const beatLater = (): void => {
    cancelBeat = clock.after(beatEveryMs, () => {
      beating = beat().then(beatLater);
    });
  };

  return {
    start() {
      unlisten = store.listen(SCHEDULES_CHANNEL, kick, kick);
      beatLater();
      kick();
    },
    kick,
    run,
    pause() {
      paused = true;
      cancelLook();
      unlisten();
    },
    async stop() {
      this.pause();
      await looking;
      await runner.settled();
      await beating;
      cancelBeat();
    },
  };
}
