import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Kysely } from 'kysely';
import type { Database } from '../database.js';
import { watchHealth } from '../health.js';
import { assertChannel, assertPayload, createHeard } from '../heard.js';
import { migrate } from '../migrate.js';
import type { Store } from '../store.js';
import { createTransactionEnds } from '../transaction-ends.js';
import { createSqliteDialect } from './dialect.js';
import { createReader } from './reader.js';
import { prepare, toQueryResult } from './statement.js';
import { openWorkerLink, type StartWorker } from './worker-link.js';
import { closed, createWriter } from './writer.js';

/** How long a transaction may hold up whatever else writes, in milliseconds. */
const TRANSACTION_TIMEOUT_MS = 10_000;
/** The same for a migration, which may rebuild large tables. */
const MIGRATION_TIMEOUT_MS = 10 * 60_000;

export interface SqliteOptions {
  /** The file, absolute; made when it is not there, for its owner alone. */
  readonly path: string;
  readonly startWorker?: StartWorker;
}

/** @throws STORE_UNAVAILABLE, STORE_CORRUPT, STORE_INCOMPATIBLE */
export async function openSqlite({ path, startWorker }: SqliteOptions): Promise<Store> {
  await prepareFile(path);
  const health = watchHealth(() => writer.run([PROBE]));
  const links = {
    write: openWorkerLink(
      { path, role: 'write' },
      {
        start: startWorker,
        observe: (outcome) => {
          if (outcome.ok) health.answered();
          else health.failed(outcome.error);
        },
      },
    ),
    // That it reads says nothing of whether it writes.
    read: openWorkerLink(
      { path, role: 'read' },
      {
        start: startWorker,
        observe: (outcome) => {
          if (!outcome.ok) health.failed(outcome.error);
        },
      },
    ),
  };
  const writer = createWriter(links.write);
  const reader = createReader(links.read);
  const kyselyFor = (transactionTimeoutMs: number): Kysely<Database> =>
    new Kysely<Database>({ dialect: createSqliteDialect({ writer, reader, transactionTimeoutMs }) });
  const db = kyselyFor(TRANSACTION_TIMEOUT_MS);
  const ends = createTransactionEnds();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await Promise.all([writer.drain(), reader.drain()]);
      await Promise.all([links.write.close(), links.read.close()]);
      health.close();
    })());
  try {
    await migrate(kyselyFor(MIGRATION_TIMEOUT_MS), 'sqlite');
  } catch (error) {
    await close();
    throw error;
  }
  const heard = createHeard((channel, listened) => {
    if (listened)
      queueMicrotask(() => {
        heard.hearing([channel]);
      });
  });
  return {
    engine: 'sqlite',
    db,
    transaction: (work) => ends.watch((watched) => db.transaction().execute(watched), work),
    onEnd: ends.on,
    async batch(queries) {
      const unit = queries.map((query) => prepare(query.compile()).statement);
      const results = await writer.run(unit);
      return results.map(toQueryResult);
    },
    async notify(channel, payload) {
      if (closing !== undefined) throw closed();
      assertChannel(channel);
      assertPayload(payload);
      await Promise.resolve();
      heard.emit(channel, payload);
    },
    listen: (channel, hear, onHearing) => heard.add(channel, { hear, onHearing }),
    health: health.now,
    close,
  };
}

/** Writes to the disk and changes nothing: whether there is room again. */
const PROBE = { sql: 'PRAGMA user_version=1', parameters: [], rows: false } as const;

/** SQLite would make it readable for everybody, and gives its log the same permissions. */
async function prepareFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a', 0o600);
    try {
      await file.chmod(0o600);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.STORE_UNAVAILABLE,
      `the store's file cannot be made or opened: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
