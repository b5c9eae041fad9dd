import type { CreateTableBuilder, Kysely } from 'kysely';
import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const auditTables: CreateMigration = (engine) => {
  const { text, int, id, autoId } = columns(engine);
  const withContent = <Table extends string, Column extends string>(
    table: CreateTableBuilder<Table, Column>,
  ) =>
    table
      .addColumn('at', int, (column) => column.notNull())
      .addColumn('actor_kind', text, (column) => column.notNull())
      .addColumn('actor_id', text, (column) => column.notNull())
      .addColumn('action', text, (column) => column.notNull())
      .addColumn('target', text)
      .addColumn('outcome', text, (column) => column.notNull())
      .addColumn('code', text)
      .addColumn('reason', text)
      .addColumn('request_id', text)
      .addColumn('details', text);
  return {
    async up(db: Kysely<unknown>) {
      await withContent(
        db.schema
          .createTable('audit_pending')
          .addColumn('id', id, autoId)
          .addColumn('host', text, (column) => column.notNull()),
      ).execute();
      await db.schema.createIndex('audit_pending_host').on('audit_pending').columns(['host', 'id']).execute();
      await withContent(
        db.schema
          .createTable('audit_log')
          .addColumn('host', text, (column) => column.notNull())
          .addColumn('seq', int, (column) => column.notNull())
          .addColumn('prev', text, (column) => column.notNull())
          .addColumn('hash', text, (column) => column.notNull()),
      )
        .addPrimaryKeyConstraint('audit_log_key', ['host', 'seq'])
        .execute();
      await db.schema.createIndex('audit_log_at').on('audit_log').columns(['at', 'host', 'seq']).execute();
      await db.schema
        .createTable('audit_heads')
        .addColumn('host', text, (column) => column.primaryKey())
        .addColumn('seq', int, (column) => column.notNull())
        .addColumn('hash', text, (column) => column.notNull())
        .addColumn('at', int, (column) => column.notNull())
        .addColumn('public_key', text, (column) => column.notNull())
        .addColumn('signature', text, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('audit_checkpoints')
        .addColumn('host', text, (column) => column.primaryKey())
        .addColumn('seq', int, (column) => column.notNull())
        .addColumn('hash', text, (column) => column.notNull())
        .addColumn('at', int, (column) => column.notNull())
        .addColumn('signature', text, (column) => column.notNull())
        .execute();
    },
  };
};
