import { isBulkheadError } from '@bulkhead/proto';
import type { Cli } from './cli.js';
import { connectToDaemon, type ControlClient } from './control-client.js';
import { configFileOf, dataDirOf, type PlaceOptions } from './places.js';
import { actorOf } from './terminal.js';

/** What may be asked with and without a daemon. */
export type ApiClient = Omit<ControlClient, 'pid'>;

/**
 * Works with the API of the daemon that runs; without one, with the same API on the store itself, which this process
 * holds meanwhile.
 *
 * @throws CONFIG_INVALID, STORE_UNAVAILABLE, and what `work` throws
 */
export async function withApi<T>(
  cli: Cli,
  places: PlaceOptions,
  work: (api: ApiClient) => Promise<T>,
): Promise<T> {
  const actor = actorOf(cli);
  const dataDir = await dataDirOf(cli, places);
  try {
    const daemon = connectToDaemon(dataDir, { actor });
    await daemon.get('/status');
    return await work(daemon);
  } catch (error) {
    if (!isBulkheadError(error) || error.code !== 'NOT_RUNNING') throw error;
  }
  // Only who works on the store itself needs a Node that has SQLite.
  const { openOfflineApi } = await import('./offline-api.js');
  const offline = await openOfflineApi(cli, { file: configFileOf(cli, places), dataDir, actor });
  try {
    return await work(offline);
  } finally {
    await offline.close();
  }
}
