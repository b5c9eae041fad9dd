import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { MIGRATIONS } from './migrations/migrations.js';
import type { Database } from './database.js';
import type { Engine } from './store.js';

/**
 * Brings the store to this release's tables, under a lock, so that hosts that start together do it once.
 *
 * @throws STORE_INCOMPATIBLE when a newer release wrote it, or a step fails
 */
export async function migrate(db: Kysely<Database>, engine: Engine): Promise<void> {
  const migrations = Object.fromEntries(
    Object.entries(MIGRATIONS).map(([name, create]) => [name, create(engine)]),
  );
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  throw new BulkheadError(
    ErrorCode.STORE_INCOMPATIBLE,
    `the store could not be brought to this release's tables: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  );
}
