import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InstallSettings } from '../config/load-install.js';
import { resolveReferences } from '../config/references.js';
import type { GrantStore } from '../grants/store.js';
import { treeFromValue } from '../manifest/source-tree.js';
import { sqlitePath, type StoreOptions } from '../store/store-options.js';
import type { Cli } from './cli.js';

/**
 * Decisions as an installer needs them. The store is opened, and what it needs is loaded, only when one is asked for: an
 * install that has nothing to do does not wait for that.
 */
export function installerGrants(
  settings: Pick<InstallSettings, 'dataDir' | 'storeUrl'>,
  env: Cli['env'],
): Pick<GrantStore, 'history' | 'put'> {
  const opened = async <T>(work: (grants: GrantStore) => Promise<T>): Promise<T> => {
    const { withGrantsIn } = await import('./stored.js');
    return withGrantsIn(optionsOf(settings, env), settings.dataDir, work);
  };
  return {
    history: (id) => opened((grants) => grants.history(id)),
    put: (id, decision) => opened((grants) => grants.put(id, decision)),
  };
}

/** @throws CONFIG_INVALID when the address refers to a variable that is not set */
function optionsOf(
  { dataDir, storeUrl }: Pick<InstallSettings, 'dataDir' | 'storeUrl'>,
  env: Cli['env'],
): StoreOptions {
  if (storeUrl === undefined) return { path: sqlitePath(dataDir) };
  const read = resolveReferences(treeFromValue(storeUrl, { layer: 'bulkhead.yaml' }), {
    readEnv: (name) => env[name],
    mayRead: () => true,
    problem: (_keys, message) => {
      throw new BulkheadError(ErrorCode.CONFIG_INVALID, `store.url: ${message}`);
    },
  });
  return { url: read.kind === 'value' ? String(read.value) : storeUrl };
}
