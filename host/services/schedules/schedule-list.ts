import type { ScheduleDeclaration } from '@bulkhead/proto/rules';
import type { Clock } from '../../clock.js';
import type { LifecyclePort } from '../../lifecycle/plugin-calls.js';
import type { Store } from '../../store/store.js';
import type { SchedulesTable } from '../../store/tables/schedules.js';
import {
  fromDeclaration,
  fromRow,
  specOf,
  toRow,
  type Schedule,
  type ScheduleDefinition,
} from './schedule.js';

/** A plugin whose schedules run on this host. */
export interface ScheduledPlugin {
  /** The configured entry's name. */
  readonly name: string;
  readonly declared: readonly ScheduleDeclaration[];
  readonly port: Pick<LifecyclePort, 'call' | 'serving'>;
}

/** A clock that was ahead by more left nonsense behind. */
const FAR_AHEAD_MS = 86_400_000;

/**
 * The schedules of these plugins: what the manifests declare, and what the plugins made. One that is seen for the first time,
 * or with other times than before, counts from now, so that nothing of it was missed.
 */
export async function loadSchedules(
  store: Store,
  clock: Clock,
  plugins: readonly ScheduledPlugin[],
): Promise<readonly Schedule[]> {
  if (plugins.length === 0) return [];
  const names = plugins.map(({ name }) => name);
  const rows = await store.db.selectFrom('schedules').selectAll().where('entry', 'in', names).execute();
  const schedules: Schedule[] = [];
  for (const plugin of plugins) {
    const own = rows.filter(({ entry }) => entry === plugin.name);
    const declared = plugin.declared.map(fromDeclaration);
    for (const definition of declared) {
      const row = own.find(({ name }) => name === definition.name);
      schedules.push(await inForce(store, clock, plugin.name, definition, row, true));
    }
    for (const row of own) {
      if (row.cron === null || declared.some(({ name }) => name === row.name)) continue;
      schedules.push(await inForce(store, clock, plugin.name, fromRow(row), row, false));
    }
  }
  return schedules;
}

async function inForce(
  { db }: Store,
  clock: Clock,
  entry: string,
  definition: ScheduleDefinition,
  row: SchedulesTable | undefined,
  declared: boolean,
): Promise<Schedule> {
  const now = Math.floor(clock.now());
  const spec = specOf(definition);
  let consideredAt = row?.considered_at ?? now;
  if (row === undefined) {
    await db
      .insertInto('schedules')
      .values({
        entry,
        name: definition.name,
        cron: declared ? null : definition.cron,
        ...toRow(definition),
        paused: 0,
        considered_at: now,
      })
      .onConflict((conflict) => conflict.columns(['entry', 'name']).doNothing())
      .execute();
  } else if (row.spec !== spec || row.considered_at > now + FAR_AHEAD_MS) {
    consideredAt = now;
    await db
      .updateTable('schedules')
      .set({ spec, considered_at: now })
      .where('entry', '=', entry)
      .where('name', '=', definition.name)
      .where('considered_at', '=', row.considered_at)
      .execute();
  }
  return { ...definition, entry, declared, spec, consideredAt, paused: row?.paused === 1 };
}
