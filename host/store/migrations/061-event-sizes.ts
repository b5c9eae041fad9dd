import type { CreateMigration } from './migrations.js';

/** What waits is measured without reading the events. */
export const eventSizes: CreateMigration = () => ({
  async up(db) {
    await db.schema
      .createIndex('event_backlog_sizes')
      .on('event_backlog')
      .columns(['subscription', 'seq', 'size'])
      .execute();
    await db.schema.dropIndex('event_backlog_by_subscription').execute();
  },
});
