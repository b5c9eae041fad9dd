import type { Kysely } from 'kysely';
import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const tokenTables: CreateMigration = (engine) => {
  const { text, int } = columns(engine);
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('api_tokens')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('name', text, (column) => column.notNull().unique())
        .addColumn('role', text, (column) => column.notNull())
        .addColumn('hash', text, (column) => column.notNull())
        .addColumn('created_at', int, (column) => column.notNull())
        .addColumn('created_by', text, (column) => column.notNull())
        .addColumn('expires_at', int)
        .addColumn('revoked_at', int)
        .execute();
      await db.schema
        .createTable('api_sessions')
        .addColumn('hash', text, (column) => column.primaryKey())
        .addColumn('token_id', text, (column) => column.notNull())
        .addColumn('created_at', int, (column) => column.notNull())
        .addColumn('expires_at', int, (column) => column.notNull())
        .execute();
      await db.schema.createIndex('api_sessions_expires').on('api_sessions').column('expires_at').execute();
    },
  };
};
