import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const usage: CreateMigration = (engine) => ({
  async up(db) {
    const { text, int, real } = columns(engine);
    await db.schema
      .createTable('usage')
      .addColumn('hour_ms', int, (column) => column.notNull())
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('plugin', text, (column) => column.notNull())
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('app_id', text, (column) => column.notNull())
      .addColumn('calls', int, (column) => column.notNull())
      .addColumn('denied', int, (column) => column.notNull())
      .addColumn('failed', int, (column) => column.notNull())
      .addColumn('duration_ms', real, (column) => column.notNull())
      .addPrimaryKeyConstraint('usage_key', ['hour_ms', 'kind', 'plugin', 'name', 'app_id'])
      .execute();
  },
});
