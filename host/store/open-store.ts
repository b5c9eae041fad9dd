import type { StoreOptions } from './store-options.js';
import type { Store } from './store.js';

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
