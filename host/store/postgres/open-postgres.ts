import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Kysely, type IsolationLevel, type Transaction } from 'kysely';
import type { Database } from '../database.js';
import { watchHealth } from '../health.js';
import { assertChannel, assertPayload, createHeard } from '../heard.js';
import { migrate } from '../migrate.js';
import type { Store } from '../store.js';
import { createTransactionEnds } from '../transaction-ends.js';
import { createPostgresDialect } from './dialect.js';
import { createListening } from './listening.js';
import { createPool } from './pool.js';
import { isRepeatable } from './postgres-fault.js';

export interface PostgresOptions {
  readonly url: string;
}

/** How often a transaction is tried when others come between. */
const MAX_ATTEMPTS = 12;
/** The first wait between two attempts, in milliseconds; each later one may be twice as long, up to the bound. */
const RETRY_INITIAL_MS = 2;
const RETRY_MAX_MS = 200;

/** @throws STORE_UNAVAILABLE, STORE_INCOMPATIBLE */
export async function openPostgres({ url }: PostgresOptions): Promise<Store> {
  const health = watchHealth(() => sqlOne());
  const pool = createPool(url, health);
  const db = new Kysely<Database>({ dialect: createPostgresDialect(pool, health) });
  const sqlOne = (): Promise<unknown> => db.selectNoFrom((eb) => eb.lit(1).as('one')).execute();
  try {
    await migrate(db, 'postgres');
  } catch (error) {
    await pool.end();
    throw error;
  }
  const heard = createHeard(() => {
    listening.sync();
  });
  const listening = createListening(url, heard);
  const ends = createTransactionEnds();
  let closing: Promise<void> | undefined;
  const transact = async <T>(
    work: (trx: Transaction<Database>) => Promise<T>,
    isolation: IsolationLevel,
  ): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ends.watch(
          (watched) => db.transaction().setIsolationLevel(isolation).execute(watched),
          work,
        );
      } catch (error) {
        if (!isRepeatable(error) || attempt === MAX_ATTEMPTS) throw error;
        await sleep(Math.random() * Math.min(RETRY_INITIAL_MS * 2 ** attempt, RETRY_MAX_MS));
      }
    }
  };
  return {
    engine: 'postgres',
    db,
    transaction: (work) => transact(work, 'serializable'),
    onEnd: ends.on,
    batch: (queries) =>
      transact(async (trx) => {
        const results = [];
        for (const query of queries) results.push(await trx.executeQuery(query.compile()));
        return results;
      }, 'read committed'),
    async notify(channel, payload) {
      if (closing !== undefined) throw new BulkheadError(ErrorCode.STORE_UNAVAILABLE, 'the store is closed');
      assertChannel(channel);
      assertPayload(payload);
      // Whoever began to listen here before hears it.
      await listening.settled();
      await db
        .selectNoFrom((eb) => eb.fn('pg_notify', [eb.val(channel), eb.val(payload)]).as('told'))
        .execute();
    },
    listen: (channel, hear, onHearing) => heard.add(channel, { hear, onHearing }),
    health: health.now,
    close: () =>
      (closing ??= (async () => {
        await listening.close();
        await pool.end();
        health.close();
      })()),
  };
}
