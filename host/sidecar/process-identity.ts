import { readFileSync } from 'node:fs';

/** A process that is not mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Which boot, and ticks since it; empty where the system does not tell. */
  readonly startTime: string;
}

/** What /proc says of a process. */
export interface ProcessStat {
  readonly state: string;
  readonly group: number;
  readonly startTicks: string;
  /** Processor time of all its threads so far, in ticks. */
  readonly cpuTicks: number;
}

/** Reads /proc/<pid>/stat; undefined when there is no such process, or no /proc. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const [userTicks, systemTicks] = fields.slice(11);
  const startTicks = fields[19];
  if (state === undefined || group === undefined || startTicks === undefined) return undefined;
  return { state, group: Number(group), startTicks, cpuTicks: Number(userTicks) + Number(systemTicks) };
}

let bootId: string | undefined;

function readBootId(): string {
  if (bootId === undefined) {
    try {
      bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    } catch {
      bootId = '';
    }
  }
  return bootId;
}

/** Who has this number now. */
export function identifyProcess(pid: number): ProcessIdentity {
  const stat = readProcessStat(pid);
  return { pid, startTime: stat === undefined ? '' : `${readBootId()}/${stat.startTicks}` };
}

/**
 * Whether that very process still runs. A zombie does not: `kill(pid, 0)` would say that it does. Where the
 * system does not tell start times, a number in use counts as the same process, so that nothing is taken from a
 * host that may be alive.
 */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.startTime !== '') {
    const stat = readProcessStat(identity.pid);
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return false;
    return `${readBootId()}/${stat.startTicks}` === identity.startTime;
  }
  try {
    process.kill(identity.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
