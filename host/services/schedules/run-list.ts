import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Kysely } from 'kysely';
import type { Database } from '../../store/database.js';
import { fromPageToken, notPageToken, toPageToken } from '../page-token.js';
import { isRunState, type RunState } from './run-state.js';

export interface RunQuery {
  readonly entry: string;
  /** Empty: of all. */
  readonly schedule: string;
  /** 0 is 100. */
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface RunStatus {
  readonly id: string;
  readonly schedule: string;
  readonly fireMs: number;
  readonly startedAtMs: number;
  /** Null while it runs. */
  readonly endedAtMs: number | null;
  readonly state: RunState;
  readonly reason: string;
  readonly byHand: boolean;
}

export interface RunPage {
  readonly runs: readonly RunStatus[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

const MAX_PAGE_SIZE = 1_000;
const DEFAULT_PAGE_SIZE = 100;

/** Runs, newest first. @throws INVALID_ARGUMENT */
export async function listRuns(db: Kysely<Database>, query: RunQuery): Promise<RunPage> {
  const { entry, schedule } = query;
  if (query.pageSize > MAX_PAGE_SIZE) {
    throw new BulkheadError(
      ErrorCode.INVALID_ARGUMENT,
      `expected a page of at most ${MAX_PAGE_SIZE}, got ${query.pageSize}`,
      { field: 'page_size' },
    );
  }
  const pageSize = query.pageSize || DEFAULT_PAGE_SIZE;
  const before = query.pageToken === '' ? undefined : readPosition(query.pageToken);
  let select = db.selectFrom('schedule_runs').selectAll().where('entry', '=', entry);
  if (schedule !== '') select = select.where('schedule', '=', schedule);
  if (before !== undefined) select = select.where('seq', '<', before);
  const rows = await select
    .orderBy('seq', 'desc')
    .limit(pageSize + 1)
    .execute();
  const page = rows.slice(0, pageSize);
  return {
    runs: page.map((row) => ({
      id: row.id,
      schedule: row.schedule,
      fireMs: row.fire_at,
      startedAtMs: row.started_at,
      endedAtMs: row.ended_at,
      state: isRunState(row.state) ? row.state : 'failed',
      reason: row.reason,
      byHand: row.by_hand === 1,
    })),
    nextPageToken: rows.length > pageSize ? toPageToken(String(page.at(-1)?.seq ?? 0)) : '',
  };
}

/** @throws INVALID_ARGUMENT */
function readPosition(pageToken: string): number {
  const position = Number(/^[1-9]\d*$/.exec(fromPageToken(pageToken))?.[0]);
  if (Number.isSafeInteger(position)) return position;
  throw notPageToken();
}
