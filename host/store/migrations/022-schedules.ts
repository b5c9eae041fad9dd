import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const schedules: CreateMigration = (engine) => {
  const { text, int, id, autoId } = columns(engine);
  return {
    async up(db) {
      await db.schema
        .createTable('schedules')
        .addColumn('entry', text, (column) => column.notNull())
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('cron', text)
        .addColumn('timezone', text, (column) => column.notNull())
        .addColumn('timeout_ms', int, (column) => column.notNull())
        .addColumn('retry', int, (column) => column.notNull())
        .addColumn('missed', text, (column) => column.notNull())
        .addColumn('paused', int, (column) => column.notNull())
        .addColumn('spec', text, (column) => column.notNull())
        .addColumn('considered_at', int, (column) => column.notNull())
        .addPrimaryKeyConstraint('schedules_key', ['entry', 'name'])
        .execute();
      await db.schema
        .createTable('schedule_runs')
        .addColumn('seq', id, autoId)
        .addColumn('id', text, (column) => column.notNull().unique())
        .addColumn('entry', text, (column) => column.notNull())
        .addColumn('schedule', text, (column) => column.notNull())
        .addColumn('claim', text, (column) => column.notNull())
        .addColumn('fire_at', int, (column) => column.notNull())
        .addColumn('started_at', int, (column) => column.notNull())
        .addColumn('ended_at', int)
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('reason', text, (column) => column.notNull())
        .addColumn('by_hand', int, (column) => column.notNull())
        .addColumn('repeats', int, (column) => column.notNull())
        .addColumn('retry', int, (column) => column.notNull())
        .addColumn('repeat_due', int, (column) => column.notNull())
        .addColumn('holder', text, (column) => column.notNull())
        .addColumn('beat', int, (column) => column.notNull())
        .addUniqueConstraint('schedule_runs_claim', ['entry', 'schedule', 'claim'])
        .execute();
      await db.schema
        .createIndex('schedule_runs_by_schedule')
        .on('schedule_runs')
        .columns(['entry', 'schedule', 'seq'])
        .execute();
      // The few that run, or are owed.
      await db.schema
        .createIndex('schedule_runs_open')
        .on('schedule_runs')
        .columns(['state', 'repeat_due'])
        .execute();
    },
  };
};
