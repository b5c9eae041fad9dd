import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** How far one that gives way is behind the others, as `nice` counts. */
export const NICENESS = 10;
/** The same for cgroups, whose default is 100. */
const CGROUP_WEIGHTS = { light: 10, full: 100 } as const;

/** Sets how much processes count when others want the processor too. Takes all of them, again and again. */
export type Weigh = (pids: readonly number[], weight: 'light' | 'full') => void;

/**
 * Weighs by sessions, because the kernel shares between these first (`autogroup`), and anybody may take it back. Each
 * plugin has a session of its own. A kernel without it, or a service manager's cgroups, leave this without effect.
 */
export function weighSessions(): Weigh {
  const weights = new Map<number, 'light' | 'full'>();
  return (pids, weight) => {
    for (const pid of pids) {
      if ((weights.get(pid) ?? 'full') === weight) continue;
      const done = quietly(() => {
        writeFileSync(`/proc/${pid}/autogroup`, weight === 'light' ? String(NICENESS) : '0');
      });
      // The kernel takes one change in 100 ms from whoever is not root; the next look tries again.
      if (done) weights.set(pid, weight);
    }
    if (weights.size > pids.length) forgetOthers(weights, pids);
  };
}

/** Also weighs each thread, which only root could take back: for those that never count in full. */
export function weighThreads(): Weigh {
  const sessions = weighSessions();
  const done = new Set<string>();
  return (pids, weight) => {
    sessions(pids, weight);
    for (const pid of pids) {
      for (const thread of listThreads(pid)) {
        const key = `${pid}/${thread}`;
        if (done.has(key)) continue;
        done.add(key);
        quietly(() => {
          setPriority(Number(thread), NICENESS);
        });
      }
    }
  };
}

/** Weighs the cgroup that they are all in. */
export function weighCgroup(weightFile: string): Weigh {
  let current: 'light' | 'full' = 'full';
  return (_pids, weight) => {
    if (weight === current) return;
    const done = quietly(() => {
      writeFileSync(weightFile, String(CGROUP_WEIGHTS[weight]));
    });
    if (done) current = weight;
  };
}

function forgetOthers(weights: Map<number, unknown>, pids: readonly number[]): void {
  const left = new Set(pids);
  for (const pid of weights.keys()) if (!left.has(pid)) weights.delete(pid);
}

function listThreads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** One that is gone needs no weight. */
function quietly(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
