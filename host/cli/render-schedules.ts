import { listAt, textAt } from './read.js';
import { renderFields, renderTable } from './table.js';
import { visible } from './visible.js';

const LIST_HEADER = ['PLUGIN', 'SCHEDULE', 'CRON', 'TIME ZONE', 'NEXT RUN'];
const RUNS_HEADER = ['STARTED', 'ENDED', 'STATE', 'WHY'];

/** What `GET /api/v1/schedules` answered, for people. */
export function renderSchedules(answer: unknown): string {
  const schedules = listAt(answer, 'schedules');
  if (schedules.length === 0) return 'No plugin that runs has a schedule.\n';
  const rows = schedules.map((schedule) => [
    textAt(schedule, 'plugin'),
    textAt(schedule, 'name'),
    textAt(schedule, 'cron'),
    textAt(schedule, 'timezone'),
    nextOf(schedule),
  ]);
  return renderTable(
    LIST_HEADER,
    rows.map((row) => row.map(visible)),
  );
}

/** One schedule with its last runs, the newest first. */
export function renderSchedule(schedule: unknown, runs: readonly unknown[]): string {
  const timeout = textAt(schedule, 'timeout_ms');
  const fields = renderFields(
    (
      [
        ['plugin', textAt(schedule, 'plugin')],
        ['schedule', textAt(schedule, 'name')],
        ['cron', `${textAt(schedule, 'cron')}, ${textAt(schedule, 'timezone')}`],
        ['next run', nextOf(schedule)],
        ...(timeout === '' ? [] : ([['deadline', `${timeout} ms`]] as const)),
        ['from', textAt(schedule, 'declared') === 'true' ? 'the manifest' : 'the plugin, while it ran'],
      ] as const
    ).map(([name, value]) => [name, visible(value)] as const),
  );
  if (runs.length === 0) return `${fields}\nIt has not run yet.\n`;
  const rows = runs.map((run) => [
    textAt(run, 'started_at'),
    textAt(run, 'ended_at'),
    `${textAt(run, 'state')}${textAt(run, 'by_hand') === 'true' ? ', by hand' : ''}`,
    textAt(run, 'reason'),
  ]);
  return `${fields}\n${renderTable(
    RUNS_HEADER,
    rows.map((row) => row.map(visible)),
  )}`;
}

function nextOf(schedule: unknown): string {
  if (textAt(schedule, 'paused') === 'true') return 'paused';
  return textAt(schedule, 'next_fire') || 'never';
}
