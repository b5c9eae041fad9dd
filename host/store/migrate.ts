import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { sql, type Kysely } from 'kysely';
import type { Database } from './database.js';
import { MIGRATIONS, type CreateMigration } from './migrations/migrations.js';
import type { Engine } from './store.js';

/** How long a host waits for another one that migrates, in milliseconds. */
const LOCK_TIMEOUT_MS = 10 * 60_000;
/** Any number, the same in every release: who holds it migrates. */
const POSTGRES_LOCK = 7_410_001;

/**
 * Brings the store to this release's tables. Hosts that start together do it once: one migrates, the others wait.
 *
 * @throws STORE_INCOMPATIBLE when a newer release wrote it, or a step fails; then nothing of it stands
 */
export async function migrate(
  db: Kysely<Database>,
  engine: Engine,
  migrations: Readonly<Record<string, CreateMigration>> = MIGRATIONS,
): Promise<void> {
  const done = await executed(db).catch((error: unknown) => {
    // A store without the table is new. Whatever else it is, the next step meets it again.
    if (isBulkheadError(error) && error.code === ErrorCode.INTERNAL) return undefined;
    throw error;
  });
  if (done !== undefined && pendingOf(done, migrations).length === 0) return;
  const giveUpAt = performance.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      await db.transaction().execute(async (trx) => {
        if (engine === 'postgres') await sql`select pg_advisory_xact_lock(${POSTGRES_LOCK})`.execute(trx);
        await sql`create table if not exists store_migrations (name text primary key)`.execute(trx);
        for (const name of pendingOf(await executed(trx), migrations)) {
          await step(name, () => migrations[name]?.(engine).up(trx));
          await sql`insert into store_migrations (name) values (${name})`.execute(trx);
        }
      });
      return;
    } catch (error) {
      const waits = isBulkheadError(error) && error.code === ErrorCode.STORE_BUSY;
      if (!waits || performance.now() > giveUpAt) throw error;
    }
  }
}

async function executed(db: Kysely<Database>): Promise<readonly string[]> {
  const { rows } = await sql<{ readonly name: string }>`select name from store_migrations`.execute(db);
  return rows.map(({ name }) => name);
}

/** @throws STORE_INCOMPATIBLE */
function pendingOf(
  done: readonly string[],
  migrations: Readonly<Record<string, CreateMigration>>,
): readonly string[] {
  const unknown = done.filter((name) => !Object.hasOwn(migrations, name)).toSorted();
  if (unknown.length > 0) {
    throw new BulkheadError(
      ErrorCode.STORE_INCOMPATIBLE,
      `the store was written by a newer release: it has ${unknown.join(', ')}, which this one does not know. ` +
        'Run that release or a newer one, or put back the backup from before the upgrade.',
    );
  }
  return Object.keys(migrations)
    .toSorted()
    .filter((name) => !done.includes(name));
}

async function step(name: string, up: () => Promise<void> | undefined): Promise<void> {
  try {
    await up();
  } catch (error) {
    if (isBulkheadError(error) && error.code !== ErrorCode.INTERNAL) throw error;
    throw new BulkheadError(
      ErrorCode.STORE_INCOMPATIBLE,
      `the store could not be brought to this release's tables; ${name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
