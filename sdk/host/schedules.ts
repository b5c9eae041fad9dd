import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  MissedRuns,
  ScheduleRunState,
  ScheduleServiceClientImpl,
  type Schedule as ScheduleMessage,
  type ScheduleRun as ScheduleRunMessage,
} from '@bulkhead/proto/host';
import { allPages, toPage, type Page, type PageOptions } from './page.js';
import type { HostRpc } from './transport.js';

/** When something is to be done. */
export interface ScheduleInput {
  readonly name: string;
  /** Five fields: minute, hour, day of month, month, day of week. */
  readonly cron: string;
  /** IANA time zone. Default: UTC. */
  readonly timezone?: string;
  /** Longest run in milliseconds. Default: the host's. */
  readonly timeoutMs?: number;
  /** A run that a crash cut short is repeated. Default: false. */
  readonly retry?: boolean;
  /** Fires that were missed while no host ran: none of them runs, or one for all. Default: skip. */
  readonly missed?: 'skip' | 'once';
  /** Default: false. */
  readonly paused?: boolean;
}

export interface ScheduleInfo extends Required<Omit<ScheduleInput, 'timeoutMs'>> {
  readonly timeoutMs: number | undefined;
  /** Declared in the manifest: only `paused` can be changed. */
  readonly declared: boolean;
  /** Milliseconds since the Unix epoch; undefined when paused. */
  readonly nextFireMs: number | undefined;
}

export type ScheduleRunOutcome = 'running' | 'succeeded' | 'failed' | 'timed_out' | 'skipped' | 'interrupted';

/** A run of the past, or one that is under way. */
export interface ScheduleRunRecord {
  readonly id: string;
  readonly schedule: string;
  readonly fireMs: number;
  readonly startedAtMs: number;
  /** Undefined while it runs. */
  readonly endedAtMs: number | undefined;
  readonly state: ScheduleRunOutcome;
  /** Why it failed, or was skipped. */
  readonly reason: string | undefined;
  readonly byHand: boolean;
}

export interface RunListOptions extends PageOptions {
  /** Only runs of this one. Default: of all. */
  readonly schedule?: string;
}

/** This plugin's schedules; a handler under `schedules` of what setup returns runs them. Needs the scope schedules.manage. */
export interface Schedules {
  list(options?: PageOptions): Promise<Page<ScheduleInfo>>;
  all(): AsyncIterable<ScheduleInfo>;
  /** @throws BulkheadError ALREADY_EXISTS, INVALID_ARGUMENT, as a rejection */
  create(schedule: ScheduleInput): Promise<ScheduleInfo>;
  /** Replaces the schedule. @throws BulkheadError NOT_FOUND, INVALID_ARGUMENT, as a rejection */
  update(schedule: ScheduleInput): Promise<ScheduleInfo>;
  /** @throws BulkheadError NOT_FOUND, as a rejection */
  delete(name: string): Promise<void>;
  /** Runs it once, now; resolves when the run is claimed. @returns the run's id */
  runNow(name: string): Promise<string>;
  /** Newest first. */
  runs(options?: RunListOptions): Promise<Page<ScheduleRunRecord>>;
}

export function createSchedules(rpc: HostRpc): Schedules {
  const client = new ScheduleServiceClientImpl(rpc);
  const schedules: Schedules = {
    async list({ pageSize, pageToken } = {}) {
      const answer = await client.ListSchedules({ pageSize: pageSize ?? 0, pageToken: pageToken ?? '' });
      return toPage(answer.schedules.map(toInfo), answer.nextPageToken);
    },
    all: () => allPages((options: PageOptions) => schedules.list(options), {}),
    create: async (schedule) =>
      toInfo((await client.CreateSchedule({ schedule: toMessage(schedule) })).schedule),
    update: async (schedule) =>
      toInfo((await client.UpdateSchedule({ schedule: toMessage(schedule) })).schedule),
    async delete(name) {
      await client.DeleteSchedule({ name });
    },
    runNow: async (name) => (await client.RunScheduleNow({ name })).runId,
    async runs({ schedule, pageSize, pageToken } = {}) {
      const answer = await client.ListScheduleRuns({
        schedule: schedule ?? '',
        pageSize: pageSize ?? 0,
        pageToken: pageToken ?? '',
      });
      return toPage(answer.runs.map(toRecord), answer.nextPageToken);
    },
  };
  return schedules;
}

function toMessage(schedule: ScheduleInput): ScheduleMessage {
  return {
    name: schedule.name,
    cron: schedule.cron,
    timezone: schedule.timezone ?? 'UTC',
    timeoutMs: schedule.timeoutMs ?? 0,
    retry: schedule.retry ?? false,
    missed: schedule.missed === 'once' ? MissedRuns.MISSED_RUNS_ONCE : MissedRuns.MISSED_RUNS_SKIP,
    paused: schedule.paused ?? false,
    declared: false,
    nextFireMs: 0n,
  };
}

function toInfo(schedule: ScheduleMessage | undefined): ScheduleInfo {
  if (schedule === undefined) {
    throw new BulkheadError(
      ErrorCode.PROTOCOL_ERROR,
      'the host answered without the schedule that it promised',
    );
  }
  return {
    name: schedule.name,
    cron: schedule.cron,
    timezone: schedule.timezone || 'UTC',
    timeoutMs: schedule.timeoutMs === 0 ? undefined : schedule.timeoutMs,
    retry: schedule.retry,
    missed: schedule.missed === MissedRuns.MISSED_RUNS_ONCE ? 'once' : 'skip',
    paused: schedule.paused,
    declared: schedule.declared,
    nextFireMs: schedule.nextFireMs === 0n ? undefined : Number(schedule.nextFireMs),
  };
}

const OUTCOMES: Readonly<Partial<Record<ScheduleRunState, ScheduleRunOutcome>>> = {
  [ScheduleRunState.SCHEDULE_RUN_STATE_RUNNING]: 'running',
  [ScheduleRunState.SCHEDULE_RUN_STATE_SUCCEEDED]: 'succeeded',
  [ScheduleRunState.SCHEDULE_RUN_STATE_FAILED]: 'failed',
  [ScheduleRunState.SCHEDULE_RUN_STATE_TIMED_OUT]: 'timed_out',
  [ScheduleRunState.SCHEDULE_RUN_STATE_SKIPPED]: 'skipped',
  [ScheduleRunState.SCHEDULE_RUN_STATE_INTERRUPTED]: 'interrupted',
};

function toRecord(run: ScheduleRunMessage): ScheduleRunRecord {
  return {
    id: run.id,
    schedule: run.schedule,
    fireMs: Number(run.fireMs),
    startedAtMs: Number(run.startedAtMs),
    endedAtMs: run.endedAtMs === 0n ? undefined : Number(run.endedAtMs),
    state: OUTCOMES[run.state] ?? 'failed',
    reason: run.reason === '' ? undefined : run.reason,
    byHand: run.byHand,
  };
}
