import { ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { ResourceLimits } from '../sidecar.js';
import { diskUse } from './disk-use.js';
import { readProcessUse, type ProcessUse } from './process-use.js';

/** Between two looks at memory, in milliseconds. */
const MEMORY_INTERVAL_MS = 50;
/** Between two looks at which processes there are. */
const PROCESSES_INTERVAL_MS = 250;
/** Between two looks at the disk, at least; never more than one part in 20 of the time is spent looking. */
const DISK_INTERVAL_MS = 2_000;
const DISK_REST_FACTOR = 20;

const MIB = 1024 * 1024;

/** A limit that was passed. */
export interface Exceeded {
  readonly code: typeof ErrorCode.OUT_OF_MEMORY | typeof ErrorCode.LIMIT_EXCEEDED;
  /** For people: what was expected and what came. */
  readonly reason: string;
}

export interface LimitWatchOptions {
  readonly limits: ResourceLimits;
  readonly clock: Clock;
  /** The plugin's processes as the host sees them; a bounded number. */
  readonly members: () => readonly number[];
  /** The directories that count as its disk. */
  readonly directories: readonly string[];
  readonly onExceeded: (exceeded: Exceeded) => void;
  /** Hears of the processes and the time at each look. */
  readonly onLook: (members: readonly number[], nowMs: number) => void;
  /** Default: /proc. */
  readonly readUse?: (pid: number) => ProcessUse | undefined;
}

/**
 * Watches what a plugin uses up, for limits that nothing harder enforces, and tells once when it is too much. What is
 * taken between two looks is not seen, so a limit is passed by what a process can take in that time.
 *
 * @returns ends the watch
 */
export function watchLimits(options: LimitWatchOptions): () => void {
  const { limits, clock, onExceeded } = options;
  let ended = false;
  const cancels = new Map<string, () => void>();
  const end = (): void => {
    ended = true;
    for (const cancel of cancels.values()) cancel();
  };
  const tell = (exceeded: Exceeded | undefined): boolean => {
    if (exceeded === undefined || ended) return ended;
    end();
    onExceeded(exceeded);
    return true;
  };
  const repeat = (name: string, delayMs: number, look: () => void): void => {
    if (!ended) cancels.set(name, clock.after(delayMs, look));
  };

  let members: readonly number[] = [];
  let membersAt = Number.NEGATIVE_INFINITY;
  const lookAtProcesses = (): void => {
    const now = clock.monotonic();
    if (now - membersAt >= PROCESSES_INTERVAL_MS) {
      members = options.members();
      membersAt = now;
    }
    const uses = members.flatMap((pid) => (options.readUse ?? readProcessUse)(pid) ?? []);
    if (tell(judgeMemory(uses, limits)) || tell(judgeProcesses(uses, limits))) return;
    options.onLook(members, now);
    repeat('processes', MEMORY_INTERVAL_MS, lookAtProcesses);
  };
  repeat('processes', MEMORY_INTERVAL_MS, lookAtProcesses);

  const lookAtDisk = async (): Promise<void> => {
    const startedAt = clock.monotonic();
    if (tell(await judgeDisk(options.directories, limits))) return;
    const tookMs = clock.monotonic() - startedAt;
    repeat('disk', Math.max(DISK_INTERVAL_MS, tookMs * DISK_REST_FACTOR), () => void lookAtDisk());
  };
  if (limits.diskBytes !== undefined) repeat('disk', DISK_INTERVAL_MS, () => void lookAtDisk());
  return end;
}

function judgeMemory(uses: readonly ProcessUse[], { memoryBytes }: ResourceLimits): Exceeded | undefined {
  const used = uses.reduce((sum, { ownBytes }) => sum + ownBytes, 0);
  if (memoryBytes === undefined || used <= memoryBytes) return undefined;
  return {
    code: ErrorCode.OUT_OF_MEMORY,
    reason: `out of memory: it may use ${mib(memoryBytes)} and used ${mib(used)}; look for a leak, or raise its limits.memory_mb`,
  };
}

function judgeProcesses(uses: readonly ProcessUse[], { processes }: ResourceLimits): Exceeded | undefined {
  const used = uses.reduce((sum, { threads }) => sum + threads, 0);
  if (processes === undefined || used <= processes) return undefined;
  return {
    code: ErrorCode.LIMIT_EXCEEDED,
    reason: `too many processes: it may have ${processes} processes and threads and had ${used}; look for what starts them, or raise its limits.processes`,
  };
}

/** What the directories hold, against the limit on disk. */
export async function judgeDisk(
  directories: readonly string[],
  { diskBytes }: ResourceLimits,
): Promise<Exceeded | undefined> {
  if (diskBytes === undefined) return undefined;
  const used = await diskUse(directories, diskBytes);
  if (used <= diskBytes) return undefined;
  return {
    code: ErrorCode.LIMIT_EXCEEDED,
    reason: `too much on disk: its directories may hold ${mib(diskBytes)} and hold more; clear its data directory, or raise its limits.disk_mb`,
  };
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
