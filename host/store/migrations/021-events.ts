import { columns } from '../columns.js';
import type { CreateMigration } from './migrations.js';

export const events: CreateMigration = (engine) => {
  const { text, int, id, autoId } = columns(engine);
  return {
    async up(db) {
      await db.schema
        .createTable('leases')
        .addColumn('name', text, (column) => column.primaryKey())
        .addColumn('holder', text, (column) => column.notNull())
        .addColumn('token', int, (column) => column.notNull())
        .addColumn('beat', int, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('event_subscriptions')
        .addColumn('id', id, autoId)
        .addColumn('entry', text, (column) => column.notNull())
        .addColumn('pattern', text, (column) => column.notNull())
        .addColumn('dropped', int, (column) => column.notNull().defaultTo(0))
        .addColumn('dropped_ever', int, (column) => column.notNull().defaultTo(0))
        .addColumn('created_at', int, (column) => column.notNull())
        .addUniqueConstraint('event_subscriptions_pattern', ['entry', 'pattern'])
        .execute();
      // An event finds its subscriptions by the patterns that fit its topic.
      await db.schema
        .createIndex('event_subscriptions_by_pattern')
        .on('event_subscriptions')
        .column('pattern')
        .execute();
      await db.schema
        .createTable('event_backlog')
        .addColumn('seq', id, autoId)
        .addColumn('subscription', int, (column) =>
          column.notNull().references('event_subscriptions.id').onDelete('cascade'),
        )
        .addColumn('event_id', text, (column) => column.notNull())
        .addColumn('topic', text, (column) => column.notNull())
        .addColumn('data', text, (column) => column.notNull())
        .addColumn('size', int, (column) => column.notNull())
        .addColumn('at', int, (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex('event_backlog_by_subscription')
        .on('event_backlog')
        .columns(['subscription', 'seq'])
        .execute();
    },
  };
};
