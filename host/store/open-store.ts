import { join } from 'node:path';
import type { HostConfig } from '../config/config.js';
import type { Store } from './store.js';

export type StoreOptions =
  /** Where the SQLite file lies; absolute. */
  | { readonly path: string }
  /** A PostgreSQL server's address, with its password: never shown. */
  | { readonly url: string };

/** Where a configuration keeps things. */
export function storeOptions({ host, store }: Pick<HostConfig, 'host' | 'store'>): StoreOptions {
  return store.url === undefined ? { path: join(host.dataDir, 'store', 'bulkhead.db') } : { url: store.url };
}

/**
 * Opens the store and brings its tables up to date.
 *
 * @throws STORE_UNAVAILABLE, STORE_CORRUPT, STORE_INCOMPATIBLE
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  // Each engine is loaded only when it is used: a command line that asks for one thing should not wait for the other.
  if ('url' in options) {
    const { openPostgres } = await import('./postgres/open-postgres.js');
    return openPostgres(options);
  }
  const { openSqlite } = await import('./sqlite/open-sqlite.js');
  return openSqlite(options);
}
