import { sql } from 'kysely';
import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const kv: CreateMigration = (engine) => {
  const { text, int, bytes } = columns(engine);
  return {
    async up(db) {
      await db.schema
        .createTable('kv')
        .addColumn('entry', text, (column) => column.notNull())
        // Keys sort by their bytes, whatever the database's own order is. SQLite does so anyway.
        .addColumn('key', engine === 'postgres' ? sql`text collate "C"` : text, (column) => column.notNull())
        .addColumn('version', int, (column) => column.notNull())
        .addColumn('expires_at', int)
        .addColumn('size', int, (column) => column.notNull())
        .addColumn('replaced_size', int)
        .addColumn('encoding', int, (column) => column.notNull())
        .addColumn('number', int)
        .addColumn('value', bytes)
        .addPrimaryKeyConstraint('kv_key', ['entry', 'key'])
        .execute();
      await db.schema
        .createIndex('kv_expires_at')
        .on('kv')
        .column('expires_at')
        .where('expires_at', 'is not', null)
        .execute();
    },
  };
};
