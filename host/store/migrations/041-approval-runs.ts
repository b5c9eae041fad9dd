import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const approvalRuns: CreateMigration = (engine) => ({
  async up(db) {
    const { text } = columns(engine);
    await db.schema.alterTable('approvals').addColumn('runs', text).execute();
  },
});
