import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import type { Stored } from '../config/stored.js';
import { openGrantStore } from '../grants/store.js';
import type { Store } from '../store/store.js';
import type { ConfigSeal } from './seal.js';
import { layerOf, readEntries } from './config-layer.js';

/**
 * What the store says of a configuration, as of now.
 *
 * @param seal opens what is sealed in it. Default: that stays unread
 */
export async function readStored(
  store: Store,
  { host }: Pick<HostConfig, 'host'>,
  clock: Clock,
  seal?: Pick<ConfigSeal, 'open'>,
): Promise<Stored> {
  const grants = await openGrantStore({ store, dataDir: host.dataDir, clock });
  const [decided, entries] = await Promise.all([grants.snapshot(), readEntries(store)]);
  return { grants: decided, layer: layerOf(entries, seal) };
}
