import { readProcessStat } from '../process-identity.js';

/** What /proc counts processor time in, in milliseconds: USER_HZ is 100 on all that Node runs on. */
const TICK_MS = 10;

/**
 * Measures how many processors a changing set of processes takes, threads included.
 *
 * @param readTicks ticks of processor time that a process had so far; undefined when it is gone
 * @returns takes the processes and the time, in milliseconds; gives processors on average since the last look, 0 at the
 *   first
 */
export function createLoadMeter(
  readTicks: (pid: number) => number | undefined = (pid) => readProcessStat(pid)?.cpuTicks,
): (pids: readonly number[], nowMs: number) => number {
  let before = new Map<number, number>();
  let lookedAtMs: number | undefined;
  return (pids, nowMs) => {
    const ticks = new Map<number, number>();
    let taken = 0;
    for (const pid of pids) {
      const now = readTicks(pid);
      if (now === undefined) continue;
      ticks.set(pid, now);
      // A process that is new since then had all its time since then.
      taken += Math.max(0, now - (before.get(pid) ?? 0));
    }
    const sinceMs = lookedAtMs === undefined ? 0 : nowMs - lookedAtMs;
    before = ticks;
    lookedAtMs = nowMs;
    return sinceMs > 0 ? (taken * TICK_MS) / sinceMs : 0;
  };
}
