import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** How far a plugin with a limit on processors stands back, as `nice` counts. */
const NICENESS = 10;

/**
 * Where nothing holds a plugin to its processors, it gives way to everybody else instead. Where the kernel shares
 * between sessions before it looks at niceness, the session gives way.
 *
 * @returns takes the plugin's processes, again and again; each thread is set once
 */
export function createGivingWay(): (pids: readonly number[]) => void {
  const done = new Set<string>();
  return (pids) => {
    for (const pid of pids) {
      if (!done.has(String(pid)))
        quietly(() => {
          writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS));
        });
      done.add(String(pid));
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

function listThreads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** A thread that is gone needs no priority, and a kernel without sessions' shares has no such file. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // As said above.
  }
}
