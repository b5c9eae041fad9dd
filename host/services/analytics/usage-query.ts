import { sql } from 'kysely';
import type { Store } from '../../store/store.js';
import type { Counts, UsageKind } from './usage-meter.js';

export interface UsageQuery {
  /** Milliseconds since the Unix epoch; `from` is included, `to` is not. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly kind?: UsageKind;
  readonly plugin?: string;
  readonly appId?: string;
  readonly name?: string;
  /** Puts counts in steps; absent sums up. */
  readonly step?: 'hour' | 'day';
}

export interface UsageRow extends Readonly<Counts> {
  /** Start of the step; 0 without steps. */
  readonly atMs: number;
  readonly kind: string;
  readonly plugin: string;
  readonly name: string;
  readonly appId: string;
}

/** Rows of one answer; what was used most comes first within a step. */
export const MAX_USAGE_ROWS = 1_000;

const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;

export async function queryUsage({ db }: Store, asked: UsageQuery): Promise<readonly UsageRow[]> {
  const { fromMs, toMs, kind, plugin, appId, name, step } = asked;
  const at = step === undefined ? sql<number>`0` : sql<number>`hour_ms - hour_ms % ${sql.lit(STEP_MS[step])}`;
  let query = db
    .selectFrom('usage')
    .select((of) => [
      at.as('at_ms'),
      'kind',
      'plugin',
      'name',
      'app_id',
      of.fn.sum<number>('calls').as('calls'),
      of.fn.sum<number>('denied').as('denied'),
      of.fn.sum<number>('failed').as('failed'),
      of.fn.sum<number>('duration_ms').as('duration_ms'),
    ])
    .groupBy(
      step === undefined ? ['kind', 'plugin', 'name', 'app_id'] : [at, 'kind', 'plugin', 'name', 'app_id'],
    )
    .orderBy('at_ms')
    .orderBy('calls', 'desc')
    .orderBy('kind')
    .orderBy('plugin')
    .orderBy('name')
    .orderBy('app_id')
    .limit(MAX_USAGE_ROWS);
  if (fromMs !== undefined) query = query.where('hour_ms', '>=', fromMs);
  if (toMs !== undefined) query = query.where('hour_ms', '<', toMs);
  if (kind !== undefined) query = query.where('kind', '=', kind);
  if (plugin !== undefined) query = query.where('plugin', '=', plugin);
  if (appId !== undefined) query = query.where('app_id', '=', appId);
  if (name !== undefined) query = query.where('name', '=', name);
  const rows = await query.execute();
  return rows.map((row) => ({
    atMs: Number(row.at_ms),
    kind: row.kind,
    plugin: row.plugin,
    name: row.name,
    appId: row.app_id,
    // A sum is a text in PostgreSQL.
    calls: Number(row.calls),
    denied: Number(row.denied),
    failed: Number(row.failed),
    durationMs: Number(row.duration_ms),
  }));
}
