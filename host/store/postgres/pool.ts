import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import pg from 'pg';
import type { HealthWatch } from '../health.js';
import { TYPES } from './numbers.js';
import { postgresError } from './postgres-fault.js';

/** Connections to the server. */
const MAX_CONNECTIONS = 10;
/** Calls that wait for a connection, at most. */
const MAX_WAITING = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
/** The server gives up a statement after this long. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** The client gives up after this long: more than the server's, so that the server's word comes first. */
const QUERY_TIMEOUT_MS = 35_000;
/** A transaction in which nothing is asked for this long is ended by the server. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** How long a statement waits for a row that another transaction holds. */
const LOCK_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_DELAY_MS = 10_000;
const BUSY_RETRY_MS = 100;

/** What a connection of ours is like, besides where it goes. */
export const CONNECTION: pg.ClientConfig = {
  application_name: 'bulkhead',
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
  types: TYPES,
};

export interface Lease {
  readonly client: pg.PoolClient;
  /** Gives it back. @param broken nobody knows what state it is in */
  release(broken: boolean): void;
}

/** Connections, as many as are needed up to a bound. */
export interface ConnectionPool {
  /** @throws STORE_BUSY when too many wait, STORE_UNAVAILABLE */
  connect(): Promise<Lease>;
  /** Takes nothing more; waits for what has or waits for a connection. */
  end(): Promise<void>;
}

export function createPool(url: string, health: HealthWatch): ConnectionPool {
  const pool = new pg.Pool({
    ...CONNECTION,
    connectionString: url,
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
  });
  // A connection may break at any time, and tells so by an event besides: unheard, that would end the process.
  pool.on('error', (error) => {
    health.failed(postgresError(error));
  });
  pool.on('connect', (client) => {
    client.on('error', () => {});
  });
  let open = 0;
  let ending: Promise<void> | undefined;
  let onIdle: () => void = () => {};
  const done = (): void => {
    open -= 1;
    if (open === 0) onIdle();
  };
  return {
    async connect() {
      if (ending !== undefined) throw new BulkheadError(ErrorCode.STORE_UNAVAILABLE, 'the store is closed');
      if (pool.waitingCount >= MAX_WAITING) throw busy(pool.waitingCount);
      open += 1;
      try {
        const client = await pool.connect();
        return {
          client,
          release(broken) {
            client.release(broken);
            done();
          },
        };
      } catch (thrown) {
        done();
        const error = postgresError(thrown);
        health.failed(error);
        throw error;
      }
    },
    end: () =>
      (ending ??= (async () => {
        // The driver's own end forgets who waits.
        if (open > 0)
          await new Promise<void>((resolve) => {
            onIdle = resolve;
          });
        await pool.end();
      })()),
  };
}

function busy(waiting: number): BulkheadError {
  return new BulkheadError(
    ErrorCode.STORE_BUSY,
    `${waiting} calls wait for the store; it takes no more now`,
    {
      retryable: true,
      retryAfterMs: BUSY_RETRY_MS,
    },
  );
}
