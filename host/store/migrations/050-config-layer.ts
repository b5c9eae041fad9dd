import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const configLayer: CreateMigration = (engine) => ({
  async up(db) {
    const { text, int } = columns(engine);
    await db.schema
      .createTable('config_layer')
      .addColumn('entry', text, (column) => column.primaryKey())
      .addColumn('version', int, (column) => column.notNull())
      .addColumn('leaves', text, (column) => column.notNull())
      .execute();
  },
});
