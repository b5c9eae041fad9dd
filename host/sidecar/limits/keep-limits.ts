import { BulkheadError } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { PluginProcess } from '../plugin-process.js';
import type { ProcessLife } from '../process-life.js';
import type { LaunchDescription } from '../sidecar.js';
import { createGivingWay } from './give-way.js';
import { judgeDisk, watchLimits } from './watch-limits.js';

/**
 * Refuses to start a plugin whose directories are full already: it would only be ended again.
 *
 * @throws BulkheadError LIMIT_EXCEEDED
 */
export async function assertRoom({ dataDir, limits }: LaunchDescription): Promise<void> {
  if (dataDir === undefined || limits === undefined) return;
  const exceeded = await judgeDisk([dataDir], limits);
  if (exceeded !== undefined) throw new BulkheadError(exceeded.code, exceeded.reason, { retryable: true });
}

/** Ends a process that passes one of its limits; the watch ends with it. */
export function keepLimits(
  { limits, dataDir }: LaunchDescription,
  launchDir: string,
  process: PluginProcess,
  life: ProcessLife,
  clock: Clock,
): void {
  if (limits === undefined) return;
  const giveWay = limits.cpu === undefined ? undefined : createGivingWay();
  const end = watchLimits({
    limits,
    clock,
    members: () => {
      const members = process.members();
      giveWay?.(members);
      return members;
    },
    directories: [launchDir, ...(dataDir === undefined ? [] : [dataDir])],
    onExceeded: ({ code, reason }) => {
      life.exceeded(code, reason);
    },
  });
  life.onEnd(end);
}
