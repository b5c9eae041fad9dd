import { BulkheadError } from '@bulkhead/proto';
import type { PluginProcess } from '../plugin-process.js';
import type { ProcessLife } from '../process-life.js';
import type { LaunchDescription } from '../sidecar.js';
import type { LimitWatch } from './limit-watch.js';
import { judgeDisk } from './watch-limits.js';

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
export async function keepLimits(
  { limits, dataDir }: LaunchDescription,
  launchDir: string,
  process: PluginProcess,
  life: ProcessLife,
  watch: LimitWatch,
): Promise<void> {
  if (limits === undefined) return;
  const tree = await process.tree;
  if (tree === undefined) return;
  const directories = [launchDir, ...(dataDir === undefined ? [] : [dataDir])];
  const { weightFile } = process;
  const watched = { limits, tree, directories, ...(weightFile === undefined ? {} : { weightFile }) };
  life.onEnd(
    watch.watch(watched, ({ code, reason }) => {
      life.exceeded(code, reason);
    }),
  );
}
