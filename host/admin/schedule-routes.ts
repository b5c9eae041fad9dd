import type { Schedules, ScheduleStatus } from '../services/schedules/schedules.js';
import type { ApiRoutes } from './api.js';
import { pageQuery, type PageQuery } from './page-query.js';

type OfPlugin = { Params: { plugin: string; name: string } };

const listQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { plugin: { type: 'string' } },
};
const pauseBody = {
  type: 'object',
  additionalProperties: false,
  required: ['paused'],
  properties: { paused: { type: 'boolean' } },
};

/** The schedules of all plugins on this host, their runs, and running one now. */
export function scheduleRoutes(schedules: Schedules): ApiRoutes {
  return (app) => {
    app.get<{ Querystring: { plugin?: string } }>(
      '/schedules',
      { config: { role: 'viewer' }, schema: { querystring: listQuery } },
      async ({ query }) => ({ schedules: (await schedules.list(query.plugin)).map(shown) }),
    );
    app.get<OfPlugin & { Querystring: PageQuery }>(
      '/schedules/:plugin/:name/runs',
      { config: { role: 'viewer' }, schema: { querystring: pageQuery() } },
      async ({ params, query }) => {
        const page = await schedules.runs({
          entry: params.plugin,
          schedule: params.name,
          pageSize: query.page_size,
          pageToken: query.page_token,
        });
        return {
          runs: page.runs.map((run) => ({
            id: run.id,
            schedule: run.schedule,
            fire: time(run.fireMs),
            started_at: time(run.startedAtMs),
            ended_at: run.endedAtMs === null ? null : time(run.endedAtMs),
            state: run.state,
            reason: run.reason,
            by_hand: run.byHand,
          })),
          next_page_token: page.nextPageToken,
        };
      },
    );
    app.post<OfPlugin>(
      '/schedules/:plugin/:name/run',
      { config: { role: 'operator' } },
      async ({ params, caller }, reply) => {
        const runId = await schedules.runNow(params.plugin, params.name, caller.actor);
        await reply.code(202).send({ run_id: runId });
      },
    );
    app.patch<OfPlugin & { Body: { paused: boolean } }>(
      '/schedules/:plugin/:name',
      { config: { role: 'operator' }, schema: { body: pauseBody } },
      async ({ params, body, caller }) =>
        shown(await schedules.setPaused(params.plugin, params.name, body.paused, caller.actor)),
    );
  };
}

function shown(schedule: ScheduleStatus): object {
  const { entry, name, cron, timezone, timeoutMs, retry, missed, paused, declared, nextFireMs } = schedule;
  return {
    plugin: entry,
    name,
    cron,
    timezone,
    timeout_ms: timeoutMs,
    retry,
    missed,
    paused,
    declared,
    next_fire: nextFireMs === undefined ? null : time(nextFireMs),
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
