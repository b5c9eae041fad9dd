import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import {
  CompiledQuery,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import type { HealthWatch } from '../health.js';
import type { ConnectionPool, Lease } from './pool.js';
import { postgresError, toldByServer } from './postgres-fault.js';

/** Kysely over the pool, with typed errors. */
export function createPostgresDialect(pool: ConnectionPool, health: HealthWatch): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => createDriver(pool, health),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

interface Connected extends Lease {
  /** Whether nobody knows what state it is in. */
  broken: boolean;
  /** The query before: one connection does one at a time, and `pg` is not to queue them. */
  before: Promise<unknown>;
}

const CHANGES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

function createDriver(pool: ConnectionPool, health: HealthWatch): Driver {
  const leases = new WeakMap<DatabaseConnection, Connected>();
  const query = async (lease: Connected, { sql, parameters }: CompiledQuery) => {
    const { before } = lease;
    try {
      const answer = before.then(() => lease.client.query(sql, [...parameters]));
      lease.before = answer.catch(() => undefined);
      const result = await answer;
      health.answered();
      return result;
    } catch (thrown) {
      if (!toldByServer(thrown)) lease.broken = true;
      const error = postgresError(thrown);
      health.failed(error);
      throw error;
    }
  };
  const control = async (connection: DatabaseConnection, sql: string): Promise<string> => {
    const lease = leases.get(connection);
    return lease === undefined ? '' : (await query(lease, CompiledQuery.raw(sql))).command;
  };
  return {
    init: () => Promise.resolve(),
    async acquireConnection() {
      const lease: Connected = { ...(await pool.connect()), broken: false, before: Promise.resolve() };
      const connection: DatabaseConnection = {
        async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
          const { command, rowCount, rows } = await query(lease, compiled);
          return CHANGES.has(command) ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows };
        },
        streamQuery() {
          throw new BulkheadError(
            ErrorCode.INTERNAL,
            'the store does not stream; ask page by page, each from the last key on',
          );
        },
      };
      leases.set(connection, lease);
      return connection;
    },
    async beginTransaction(connection, { isolationLevel }: TransactionSettings) {
      await control(
        connection,
        isolationLevel === undefined ? 'begin' : `begin isolation level ${isolationLevel}`,
      );
    },
    async commitTransaction(connection) {
      // It answers so when a statement before had failed: nothing was committed.
      if ((await control(connection, 'commit')) === 'ROLLBACK')
        throw new BulkheadError(
          ErrorCode.INTERNAL,
          'a query of the transaction had failed; nothing of it was written',
        );
    },
    async rollbackTransaction(connection) {
      try {
        await control(connection, 'rollback');
      } catch (error) {
        // The server rolls back when the connection is gone. What went wrong before is what the caller should hear.
        if (!isBulkheadError(error)) throw error;
        const lease = leases.get(connection);
        if (lease !== undefined) lease.broken = true;
      }
    },
    releaseConnection(connection) {
      const lease = leases.get(connection);
      lease?.release(lease.broken);
      return Promise.resolve();
    },
    destroy: () => Promise.resolve(),
  };
}
