import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const grants: CreateMigration = (engine) => ({
  async up(db) {
    const { text, int, id, autoId } = columns(engine);
    await db.schema
      .createTable('grants')
      .addColumn('id', id, autoId)
      .addColumn('plugin_id', text, (column) => column.notNull())
      .addColumn('plugin_version', text, (column) => column.notNull())
      .addColumn('asked', text, (column) => column.notNull())
      .addColumn('granted', text, (column) => column.notNull())
      .addColumn('decided_by', text, (column) => column.notNull())
      .addColumn('decided_at', int, (column) => column.notNull())
      .execute();
    await db.schema.createIndex('grants_by_plugin').on('grants').columns(['plugin_id', 'id']).execute();
  },
});
