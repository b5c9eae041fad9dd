import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  CreateScheduleRequest,
  CreateScheduleResponse,
  DeleteScheduleRequest,
  DeleteScheduleResponse,
  ListScheduleRunsRequest,
  ListScheduleRunsResponse,
  ListSchedulesRequest,
  ListSchedulesResponse,
  MissedRuns,
  RunScheduleNowRequest,
  RunScheduleNowResponse,
  ScheduleServiceDefinition,
  UpdateScheduleRequest,
  UpdateScheduleResponse,
  type Schedule as ScheduleMessage,
} from '@bulkhead/proto/host';
import { createHostMethods, type HostMethod, type PluginIdentity } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import type { Actor } from '../../telemetry/audit.js';
import { fromPageToken, toPageToken } from '../page-token.js';
import { RUN_STATES } from './run-state.js';
import type { ScheduleDefinition } from './schedule.js';
import type { Schedules, ScheduleStatus } from './schedules.js';

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;

/** ScheduleService: each plugin for the schedules of its configured entry. */
export function createScheduleMethods(schedules: Schedules): readonly HostMethod[] {
  return createHostMethods(ScheduleServiceDefinition, {
    async listSchedules(body, { plugin }) {
      const { pageSize, pageToken } = readRequest(ListSchedulesRequest, body);
      const after = fromPageToken(pageToken);
      const left = (await schedules.list(plugin.name)).filter(({ name }) => name > after);
      const page = left.slice(0, Math.min(pageSize || DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE));
      const more = left.length > page.length;
      return ListSchedulesResponse.encode({
        schedules: page.map(toMessage),
        nextPageToken: more ? toPageToken(page.at(-1)?.name ?? '') : '',
      }).finish();
    },
    async createSchedule(body, { plugin }) {
      const message = given(readRequest(CreateScheduleRequest, body).schedule);
      const made = await schedules.create(
        plugin.name,
        toDefinition(message),
        message.paused,
        actorOf(plugin),
      );
      return CreateScheduleResponse.encode({ schedule: toMessage(made) }).finish();
    },
    async updateSchedule(body, { plugin }) {
      const message = given(readRequest(UpdateScheduleRequest, body).schedule);
      const changed = await schedules.update(
        plugin.name,
        toDefinition(message),
        message.paused,
        actorOf(plugin),
      );
      return UpdateScheduleResponse.encode({ schedule: toMessage(changed) }).finish();
    },
    async deleteSchedule(body, { plugin }) {
      await schedules.delete(plugin.name, readRequest(DeleteScheduleRequest, body).name, actorOf(plugin));
      return DeleteScheduleResponse.encode({}).finish();
    },
    async runScheduleNow(body, { plugin }) {
      const { name } = readRequest(RunScheduleNowRequest, body);
      const runId = await schedules.runNow(plugin.name, name, actorOf(plugin));
      return RunScheduleNowResponse.encode({ runId }).finish();
    },
    async listScheduleRuns(body, { plugin }) {
      const request = readRequest(ListScheduleRunsRequest, body);
      const { runs, nextPageToken } = await schedules.runs({ ...request, entry: plugin.name });
      return ListScheduleRunsResponse.encode({
        runs: runs.map((run) => ({
          id: run.id,
          schedule: run.schedule,
          fireMs: BigInt(run.fireMs),
          startedAtMs: BigInt(run.startedAtMs),
          endedAtMs: BigInt(run.endedAtMs ?? 0),
          state: RUN_STATES[run.state],
          reason: run.reason,
          byHand: run.byHand,
        })),
        nextPageToken,
      }).finish();
    },
  });
}

function given(schedule: ScheduleMessage | undefined): ScheduleMessage {
  if (schedule !== undefined) return schedule;
  throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, 'expected a schedule', { field: 'schedule' });
}

function toDefinition(message: ScheduleMessage): ScheduleDefinition {
  const { name, cron, timezone, timeoutMs, retry, missed } = message;
  return {
    name,
    cron,
    timezone: timezone || 'UTC',
    timeoutMs,
    retry,
    missed: missed === MissedRuns.MISSED_RUNS_ONCE ? 'once' : 'skip',
  };
}

function toMessage(schedule: ScheduleStatus): ScheduleMessage {
  const { name, cron, timezone, timeoutMs, retry, missed, paused, declared, nextFireMs } = schedule;
  return {
    name,
    cron,
    timezone,
    timeoutMs,
    retry,
    missed: missed === 'once' ? MissedRuns.MISSED_RUNS_ONCE : MissedRuns.MISSED_RUNS_SKIP,
    paused,
    declared,
    nextFireMs: BigInt(nextFireMs ?? 0),
  };
}

function actorOf({ name }: PluginIdentity): Actor {
  return { kind: 'plugin', id: name };
}
