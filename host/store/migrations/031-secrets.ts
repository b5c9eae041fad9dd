import type { Kysely } from 'kysely';
import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const secretTables: CreateMigration = (engine) => {
  const { text, int, bytes } = columns(engine);
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('secrets')
        .addColumn('name', text, (column) => column.primaryKey())
        .addColumn('version', int, (column) => column.notNull())
        .addColumn('key_id', text, (column) => column.notNull())
        .addColumn('sealed', bytes)
        .addColumn('updated_at', int, (column) => column.notNull())
        .addColumn('updated_by', text, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('secret_key')
        .addColumn('slot', int, (column) => column.primaryKey())
        .addColumn('key_id', text, (column) => column.notNull())
        .execute();
    },
  };
};
