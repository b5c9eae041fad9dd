import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import { NOTHING_STORED, type ReadStored } from '../config/stored.js';
import { openGrantStore, type GrantStore } from '../grants/store.js';
import { openStore } from '../store/open-store.js';
import { storeOptions, type StoreOptions } from '../store/store-options.js';
import type { Store } from '../store/store.js';
import type { Audit } from '../telemetry/audit.js';
import { readEntries, type StoredEntry } from '../stored-config/config-layer.js';
import { readStored } from '../stored-config/read-stored.js';

type Places = Pick<HostConfig, 'host' | 'store'>;

/** Reads what the store says, also while a daemon runs; a command that only looks makes none. */
export const readStoredOnce: ReadStored = (places) =>
  look(places, NOTHING_STORED, (store) => readStored(store, places, systemClock));

/** What was set by other means than a file, value by value. */
export function readEntriesOnce(places: Places): Promise<ReadonlyMap<string, StoredEntry>> {
  return look(places, new Map(), readEntries);
}

async function look<T>(places: Places, nothing: T, read: (store: Store) => Promise<T>): Promise<T> {
  const options = storeOptions(places);
  const olderGrants = join(places.host.dataDir, 'grants');
  if ('path' in options && !existsSync(options.path) && !existsSync(olderGrants)) return nothing;
  return withStore(options, read);
}

/** Opens the store, also while a daemon runs, and closes it again. */
async function withStore<T>(options: StoreOptions, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(options);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export function withGrants<T>(places: Places, work: (grants: GrantStore) => Promise<T>): Promise<T> {
  return withGrantsIn(storeOptions(places), places.host.dataDir, work);
}

/** Loaded when a decision is written: an install that decides nothing does not wait for it. */
function changeAudit(dataDir: string): Pick<Audit, 'write' | 'settled'> {
  return {
    async write(trx, entry) {
      const { createChangeAudit } = await import('../telemetry/audit/change-audit.js');
      await createChangeAudit(dataDir, systemClock).write(trx, entry);
    },
    settled: () => Promise.resolve(),
  };
}

export function withGrantsIn<T>(
  options: StoreOptions,
  dataDir: string,
  work: (grants: GrantStore) => Promise<T>,
): Promise<T> {
  return withStore(options, async (store) =>
    work(await openGrantStore({ store, dataDir, clock: systemClock, audit: changeAudit(dataDir) })),
  );
}
