import { EventEmitter } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { HostConfig } from '../config/config.js';
import { migrate } from './migrate.js';
import { openSqlite } from './sqlite.js';
import type { Store } from './store.js';

export interface StoreOptions {
  /** Where the SQLite file lies; absolute. */
  readonly path: string;
}

/** Where a configuration keeps things. */
export function storeOptions({ host }: Pick<HostConfig, 'host'>): StoreOptions {
  return { path: join(host.dataDir, 'store', 'bulkhead.db') };
}

/**
 * Opens the store and brings its tables up to date.
 *
 * @throws STORE_UNAVAILABLE, STORE_INCOMPATIBLE
 */
export async function openStore({ path }: StoreOptions): Promise<Store> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const db = openSqlite(path);
  await migrate(db, 'sqlite');
  const heard = new EventEmitter();
  let closed: Promise<void> | undefined;
  const open = (): void => {
    if (closed !== undefined) throw new BulkheadError(ErrorCode.STORE_UNAVAILABLE, 'the store is closed');
  };
  return {
    engine: 'sqlite',
    db,
    async transaction(work) {
      open();
      return db.transaction().execute(work);
    },
    async batch(queries) {
      open();
      return db.transaction().execute(async (trx) => {
        const results = [];
        for (const query of queries) results.push(await trx.executeQuery(query.compile()));
        return results;
      });
    },
    notify(channel, payload) {
      open();
      heard.emit(channel, payload);
      return Promise.resolve();
    },
    listen(channel, listener) {
      heard.on(channel, listener);
      return () => {
        heard.off(channel, listener);
      };
    },
    close() {
      closed ??= db.destroy();
      return closed;
    },
  };
}
