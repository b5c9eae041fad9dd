import { join } from 'node:path';
import type { HostConfig } from '../config/config.js';

export type StoreOptions =
  /** Where the SQLite file lies; absolute. */
  | { readonly path: string }
  /** A PostgreSQL server's address, with its password: never shown. */
  | { readonly url: string };

/** Where a configuration keeps things. */
export function storeOptions({ host, store }: Pick<HostConfig, 'host' | 'store'>): StoreOptions {
  return store.url === undefined ? { path: sqlitePath(host.dataDir) } : { url: store.url };
}

export function sqlitePath(dataDir: string): string {
  return join(dataDir, 'store', 'bulkhead.db');
}
