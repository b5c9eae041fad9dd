import { isBulkheadError } from '@bulkhead/proto';
import { connectToDaemon } from './control-client.js';
import type { Cli } from './cli.js';
import { withProgress } from './progress.js';

/** Lets a daemon that runs take what was changed; without one, nothing happens. */
export async function tellDaemon(cli: Cli, dataDir: string): Promise<void> {
  try {
    await withProgress(cli, 'Letting the daemon take it', connectToDaemon(dataDir).post('/config/apply'));
    cli.err('The daemon has taken it.\n');
  } catch (error) {
    if (isBulkheadError(error) && error.code === 'NOT_RUNNING') return;
    throw error;
  }
}
