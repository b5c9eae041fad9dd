// The thread that looks at what plugins use up: /proc of a plugin that starts threads or processes without end takes
// milliseconds to read, which nobody else's call should wait for.
import { parentPort } from 'node:worker_threads';
import { systemClock } from '../../clock.js';
import { treeMembers, type ProcessTree } from '../child-processes.js';
import type { ResourceLimits } from '../sidecar.js';
import { createGiveWay } from './give-way.js';
import { watchLimits, type Exceeded } from './watch-limits.js';
import { weighCgroup, weighSessions, weighThreads } from './weigh.js';

/** One plugin process to be watched until something is exceeded, or the end of it is told. */
export interface Watched {
  readonly limits: ResourceLimits;
  readonly tree: ProcessTree;
  /** The directories that count as its disk. */
  readonly directories: readonly string[];
  /** See `Cell.weightFile`. */
  readonly weightFile?: string;
}

export type ToThread =
  | { readonly kind: 'watch'; readonly key: number; readonly watched: Watched }
  | { readonly kind: 'end'; readonly key: number };

export interface FromThread {
  readonly key: number;
  readonly exceeded: Exceeded;
}

const ends = new Map<number, () => void>();

parentPort?.on('message', (message: ToThread) => {
  const { key } = message;
  ends.get(key)?.();
  ends.delete(key);
  if (message.kind === 'end') return;
  const { limits, tree, directories, weightFile } = message.watched;
  // A cgroup that shares processors holds a limit on them too.
  const always = limits.cpu !== undefined && weightFile === undefined;
  const weighFreely = always ? weighThreads() : weighSessions();
  const weigh = weightFile === undefined ? weighFreely : weighCgroup(weightFile);
  const giveWay = createGiveWay({ always, weigh });
  const end = watchLimits({
    limits,
    clock: systemClock,
    members: () => treeMembers(tree),
    directories,
    onLook: giveWay,
    onExceeded: (exceeded) => {
      ends.delete(key);
      const answer: FromThread = { key, exceeded };
      parentPort?.postMessage(answer);
    },
  });
  ends.set(key, end);
});
