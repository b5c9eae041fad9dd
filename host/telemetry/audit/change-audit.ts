import type { Clock } from '../../clock.js';
import type { Audit } from '../audit.js';
import { contentOf } from './chain.js';
import { openHostKey } from './host-key.js';

/**
 * The audit log for a process beside the host, such as a command while the daemon runs: its entries are committed with
 * their changes, and the host of the data directory takes them into its chain, when it sweeps next or starts.
 */
export function createChangeAudit(dataDir: string, clock: Clock): Pick<Audit, 'write' | 'settled'> {
  return {
    async write(trx, entry) {
      const { hostId } = openHostKey(dataDir);
      await trx
        .insertInto('audit_pending')
        .values({ host: hostId, ...contentOf(entry, clock.now()) })
        .execute();
    },
    settled: () => Promise.resolve(),
  };
}
