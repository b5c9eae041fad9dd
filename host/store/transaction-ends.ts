import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import type { Transaction } from 'kysely';
import type { Database } from './database.js';

type Work<T> = (trx: Transaction<Database>) => Promise<T>;

/** What became of a transaction; of one whose end got no answer nobody knows it. */
export type TransactionEnd = 'committed' | 'undone' | 'unknown';

export type OnEnd = (end: TransactionEnd) => void;

/** Tells parts of the host that wrote in somebody's transaction what became of it. */
export interface TransactionEnds {
  /** Runs `work` in the transaction that `execute` makes. Who listens hears of its end before the caller does. */
  watch<T>(execute: (work: Work<T>) => Promise<T>, work: Work<T>): Promise<T>;
  /** @throws INTERNAL for a transaction that is over, or was never watched */
  on(trx: Transaction<Database>, onEnd: OnEnd): void;
}

export function createTransactionEnds(): TransactionEnds {
  const open = new WeakMap<Transaction<Database>, OnEnd[]>();
  return {
    async watch(execute, work) {
      const heard: OnEnd[] = [];
      let watched: Transaction<Database> | undefined;
      let end: TransactionEnd = 'unknown';
      try {
        const result = await execute((trx) => {
          watched = trx;
          open.set(trx, heard);
          return work(trx);
        });
        end = 'committed';
        return result;
      } catch (error) {
        end = endAfter(error);
        throw error;
      } finally {
        if (watched !== undefined) open.delete(watched);
        for (const onEnd of heard) onEnd(end);
      }
    },
    on(trx, onEnd) {
      const heard = open.get(trx);
      if (heard === undefined)
        throw new BulkheadError(ErrorCode.INTERNAL, 'expected a transaction of the store that is open');
      heard.push(onEnd);
    },
  };
}

/** What became of a transaction or a batch that failed. */
export function endAfter(error: unknown): TransactionEnd {
  return isBulkheadError(error) && error.code === ErrorCode.STORE_UNAVAILABLE ? 'unknown' : 'undone';
}
