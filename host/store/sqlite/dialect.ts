import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely';
import type { Reader } from './reader.js';
import { prepare, toQueryResult } from './statement.js';
import type { ExclusiveTransaction, Writer } from './writer.js';

export interface SqliteParts {
  readonly writer: Writer;
  readonly reader: Reader;
  /** How long a transaction may stay open, in milliseconds. */
  readonly transactionTimeoutMs: number;
}

/** Kysely itself must not queue: the writer does, and what reads need not wait for what writes. */
class ThreadedSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** Kysely over the store's two threads. */
export function createSqliteDialect(parts: SqliteParts): Dialect {
  return {
    createAdapter: () => new ThreadedSqliteAdapter(),
    createDriver: () => createDriver(parts),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function createDriver({ writer, reader, transactionTimeoutMs }: SqliteParts): Driver {
  const transactions = new WeakMap<DatabaseConnection, ExclusiveTransaction>();
  const takeFrom = (connection: DatabaseConnection): ExclusiveTransaction | undefined => {
    const transaction = transactions.get(connection);
    transactions.delete(connection);
    return transaction;
  };
  return {
    init: () => Promise.resolve(),
    // A connection is only where a transaction is remembered: what is asked outside of one needs none of its own.
    acquireConnection() {
      const connection: DatabaseConnection = {
        async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
          const { statement, reads } = prepare(query);
          const transaction = transactions.get(connection);
          if (transaction !== undefined) return toQueryResult(await transaction.run(statement));
          const [result] = await (reads ? reader : writer).run([statement]);
          return toQueryResult(result);
        },
        streamQuery() {
          throw new BulkheadError(
            ErrorCode.INTERNAL,
            'the store does not stream; ask page by page, each from the last key on',
          );
        },
      };
      return Promise.resolve(connection);
    },
    async beginTransaction(connection) {
      transactions.set(connection, await writer.begin(transactionTimeoutMs));
    },
    async commitTransaction(connection) {
      await takeFrom(connection)?.commit();
    },
    // After a commit that failed there is nothing left to roll back.
    async rollbackTransaction(connection) {
      await takeFrom(connection)?.rollback();
    },
    releaseConnection: () => Promise.resolve(),
    destroy: () => Promise.resolve(),
  };
}
