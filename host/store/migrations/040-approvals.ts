import { sql } from 'kysely';
import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const approvals: CreateMigration = (engine) => ({
  async up(db) {
    const { text, int } = columns(engine);
    await db.schema
      .createTable('approvals')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('call_key', text, (column) => column.notNull())
      .addColumn('tool', text, (column) => column.notNull())
      .addColumn('args_json', text, (column) => column.notNull())
      .addColumn('caller', text, (column) => column.notNull())
      .addColumn('app_id', text)
      .addColumn('tenant_id', text)
      .addColumn('user_id', text)
      .addColumn('request_id', text)
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('policy_json', text, (column) => column.notNull())
      .addColumn('decided_policy_json', text)
      .addColumn('created_at', int, (column) => column.notNull())
      .addColumn('expires_at', int, (column) => column.notNull())
      .addColumn('decided_at', int)
      .addColumn('decided_by', text)
      .addColumn('reason', text)
      .addColumn('used_at', int)
      .execute();
    // One question for one call, however many hosts and callers wait for its answer.
    await db.schema
      .createIndex('approvals_pending')
      .unique()
      .on('approvals')
      .column('call_key')
      .where(sql.ref('state'), '=', 'pending')
      .execute();
    await db.schema.createIndex('approvals_by_call').on('approvals').columns(['call_key', 'state']).execute();
    await db.schema
      .createIndex('approvals_by_state')
      .on('approvals')
      .columns(['state', 'created_at'])
      .execute();
  },
});
