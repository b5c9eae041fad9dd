import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const createObjects: CreateMigration = (engine) => ({
  async up(db) {
    const { text, int, id, autoId } = columns(engine);
    await db.schema
      .createTable('objects')
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('id', text, (column) => column.notNull())
      .addColumn('unique_key', text)
      .addColumn('name', text)
      .addColumn('vendor', text)
      .addColumn('kind', text)
      .addColumn('server', text)
      .addColumn('plugin', text)
      .addColumn('team', text)
      .addColumn('user_id', text)
      .addColumn('tenant_id', text)
      .addColumn('active', int, (column) => column.notNull())
      .addColumn('data', text, (column) => column.notNull())
      .addColumn('notes', text, (column) => column.notNull())
      .addColumn('etag', text, (column) => column.notNull())
      .addColumn('created_ms', int, (column) => column.notNull())
      .addColumn('updated_ms', int, (column) => column.notNull())
      .addPrimaryKeyConstraint('objects_key', ['type', 'id'])
      .addUniqueConstraint('objects_unique_key', ['type', 'unique_key'])
      .execute();
    await db.schema.createIndex('objects_user').on('objects').columns(['user_id']).execute();
    await db.schema
      .createTable('object_credentials')
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('hash', text, (column) => column.notNull())
      .addColumn('object_id', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('object_credentials_key', ['type', 'hash'])
      .execute();
    await db.schema
      .createIndex('object_credentials_object')
      .on('object_credentials')
      .columns(['type', 'object_id'])
      .execute();
    await db.schema
      .createTable('object_hook_runs')
      .addColumn('id', id, autoId)
      .addColumn('plugin', text, (column) => column.notNull())
      .addColumn('hook', text, (column) => column.notNull())
      .addColumn('object_type', text, (column) => column.notNull())
      .addColumn('object_id', text, (column) => column.notNull())
      .addColumn('operation_id', text, (column) => column.notNull())
      .addColumn('payload', text, (column) => column.notNull())
      .addColumn('depth', int, (column) => column.notNull())
      .addColumn('attempts', int, (column) => column.notNull())
      .addColumn('due_ms', int, (column) => column.notNull())
      .addColumn('claim', text)
      .addColumn('created_ms', int, (column) => column.notNull())
      .execute();
    await db.schema.createIndex('object_hook_runs_due').on('object_hook_runs').columns(['due_ms']).execute();
    await db.schema
      .createIndex('object_hook_runs_object')
      .on('object_hook_runs')
      .columns(['object_type', 'object_id', 'plugin'])
      .execute();
  },
});
