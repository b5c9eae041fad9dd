import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  MissedRuns,
  ScheduleRunState,
  ScheduleServiceDefinition,
  type Schedule,
  type ScheduleRun,
} from '@bulkhead/proto/host';
import type { ScheduleDeclaration } from '@bulkhead/proto/rules';
import { byText, invalid, pageOf } from './pages.js';
import { createTwinMethods, unary, type TwinMethod } from './twin-methods.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const FIELDS = 5;

export interface SchedulesTwinOptions {
  /** Of the manifest. */
  readonly declared: readonly ScheduleDeclaration[];
  readonly now: () => number;
  /** Runs a schedule that was asked for by hand. */
  readonly run: (name: string, runId: string) => Promise<void>;
}

/** Schedules in memory. Nothing fires by itself: a test runs one with `t.schedule`, the plugin with `runNow`. */
export class SchedulesTwin {
  readonly methods: readonly TwinMethod[];
  readonly #schedules = new Map<string, Schedule>();
  /** Oldest first. */
  readonly #runs: ScheduleRun[] = [];
  readonly #options: SchedulesTwinOptions;

  constructor(options: SchedulesTwinOptions) {
    this.#options = options;
    for (const { name, cron, timezone, timeoutMs, retry, missed } of options.declared) {
      this.#schedules.set(name, {
        name,
        cron,
        timezone,
        timeoutMs: timeoutMs ?? 0,
        retry,
        missed: missed === 'once' ? MissedRuns.MISSED_RUNS_ONCE : MissedRuns.MISSED_RUNS_SKIP,
        paused: false,
        declared: true,
        nextFireMs: 0n,
      });
    }
    this.methods = this.#serve();
  }

  /** Names of the schedules that there are, the manifest's too. */
  get names(): readonly string[] {
    return [...this.#schedules.keys()];
  }

  #serve(): readonly TwinMethod[] {
    const { methods } = ScheduleServiceDefinition;
    return createTwinMethods(ScheduleServiceDefinition, [
      unary(methods.listSchedules, ({ pageSize, pageToken }) => {
        const sorted = [...this.#schedules.values()].toSorted((a, b) => byText(a.name, b.name));
        const page = pageOf(sorted, ({ name }) => name, pageSize, pageToken, byText);
        return { schedules: [...page.items], nextPageToken: page.nextPageToken };
      }),
      unary(methods.createSchedule, ({ schedule }) => {
        const given = checked(schedule);
        if (this.#schedules.has(given.name)) {
          throw new BulkheadError(ErrorCode.ALREADY_EXISTS, `there is a schedule '${given.name}' already`, {
            field: 'name',
          });
        }
        const made = { ...given, declared: false, nextFireMs: 0n };
        this.#schedules.set(made.name, made);
        return { schedule: made };
      }),
      unary(methods.updateSchedule, ({ schedule }) => {
        const given = checked(schedule);
        const known = this.#found(given.name);
        const next = known.declared
          ? { ...known, paused: given.paused }
          : { ...given, declared: false, nextFireMs: 0n };
        if (known.declared && !sameBut(known, given)) {
          throw invalid(
            'schedule',
            `'${known.name}' is declared in the manifest: only paused can be changed`,
          );
        }
        this.#schedules.set(next.name, next);
        return { schedule: next };
      }),
      unary(methods.deleteSchedule, ({ name }) => {
        if (this.#found(name).declared) {
          throw invalid('name', `'${name}' is declared in the manifest; pause it instead`);
        }
        this.#schedules.delete(name);
        return {};
      }),
      unary(methods.runScheduleNow, ({ name }) => {
        this.#found(name);
        return { runId: this.#run(name) };
      }),
      unary(methods.listScheduleRuns, ({ schedule, pageSize, pageToken }) => {
        const numbered = this.#runs
          .map((run, index) => ({ run, position: String(this.#runs.length - index).padStart(9, '0') }))
          .filter(({ run }) => schedule === '' || run.schedule === schedule)
          .toReversed();
        const page = pageOf(numbered, ({ position }) => position, pageSize, pageToken, byText);
        return { runs: page.items.map(({ run }) => run), nextPageToken: page.nextPageToken };
      }),
    ]);
  }

  #found(name: string): Schedule {
    const schedule = this.#schedules.get(name);
    if (schedule !== undefined) return schedule;
    throw new BulkheadError(ErrorCode.NOT_FOUND, `there is no schedule '${name}'`, { field: 'name' });
  }

  #run(schedule: string): string {
    const now = BigInt(this.#options.now());
    const id = randomUUID();
    const at = this.#runs.length;
    const run: ScheduleRun = {
      id,
      schedule,
      fireMs: now,
      startedAtMs: now,
      endedAtMs: 0n,
      state: ScheduleRunState.SCHEDULE_RUN_STATE_RUNNING,
      reason: '',
      byHand: true,
    };
    this.#runs.push(run);
    const end = (state: ScheduleRunState, reason: string): void => {
      this.#runs[at] = { ...run, state, reason, endedAtMs: BigInt(this.#options.now()) };
    };
    this.#options.run(schedule, id).then(
      () => {
        end(ScheduleRunState.SCHEDULE_RUN_STATE_SUCCEEDED, '');
      },
      (error: unknown) => {
        end(
          ScheduleRunState.SCHEDULE_RUN_STATE_FAILED,
          error instanceof Error ? error.message : String(error),
        );
      },
    );
    return id;
  }
}

function checked(schedule: Schedule | undefined): Schedule {
  if (schedule === undefined) throw invalid('schedule', 'expected a schedule');
  const { name, cron, timezone } = schedule;
  if (!NAME.test(name)) throw invalid('name', `'${name}' is no name of a schedule`);
  if (cron.trim().split(/\s+/).length !== FIELDS) {
    throw invalid('cron', `expected five fields, got '${cron}'`);
  }
  if (!isTimeZone(timezone || 'UTC')) throw invalid('timezone', `'${timezone}' is no IANA time zone`);
  return schedule;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function sameBut(known: Schedule, given: Schedule): boolean {
  return known.cron === given.cron && (given.timezone === '' || known.timezone === given.timezone);
}
