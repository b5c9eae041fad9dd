import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate as yieldToOthers, setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RunAs } from './run-as.js';

/** How long killed processes may take to vanish: looks, and milliseconds between two. */
const MAX_VANISH_POLLS = 100;
const VANISH_POLL_MS = 20;
/** Processes that are looked at before others get their turn. */
const READ_AT_ONCE = 100;
const KILL_TIMEOUT_MS = 5_000;
/** Below are root, the system and people. Nobody ever asks for those; it would be the end of the machine. */
const LEAST_UID = 1_000;

interface OwnedProcess {
  readonly pid: number;
  /** Real, effective, saved and for files. */
  readonly uids: readonly number[];
}

/** Every process that is not only the remains of one. Of another user's, root itself may read no more without CAP_SYS_PTRACE. */
async function listProcesses(): Promise<readonly OwnedProcess[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter(Number.isInteger);
  const found: OwnedProcess[] = [];
  for (const [index, pid] of pids.entries()) {
    // Some 20 µs each; by the thread pool, a busy machine takes a hundred times that.
    if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await yieldToOthers();
    const text = readStatus(pid);
    const uids = /^Uid:\s*(.*)$/m.exec(text)?.[1]?.split(/\s+/).map(Number);
    if (uids !== undefined && !/^State:\s*[ZX]/m.test(text)) found.push({ pid, uids });
  }
  return found;
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    // It is gone.
    return '';
  }
}

/** Users that a process runs as now. */
export async function usersWithProcesses(): Promise<ReadonlySet<number>> {
  return new Set((await listProcesses()).flatMap(({ uids }) => uids));
}

/** The processes of one user. */
export async function processesOf(uid: number): Promise<readonly number[]> {
  return (await listProcesses()).filter(({ uids }) => uids.includes(uid)).map(({ pid }) => pid);
}

/**
 * Kills all processes of a user that is nobody else's, wherever they went: out of their group, session or parent. It is
 * the kernel that finds them, all in one, so that none escapes by forking.
 *
 * @returns the numbers that it found; they are gone, unless the kernel did not let go of one within two seconds
 */
export async function endProcessesOf(uid: number, runAs: RunAs): Promise<readonly number[]> {
  if (!(uid >= LEAST_UID)) return [];
  const found = await processesOf(uid);
  let left = found;
  for (let poll = 0; left.length > 0 && poll < MAX_VANISH_POLLS; poll += 1) {
    // The user's own word, so it reaches nobody else. One of them may have stopped the messenger; then there is another.
    await killAll(uid, runAs);
    left = await processesOf(uid);
    if (left.length > 0) await pause(VANISH_POLL_MS);
  }
  return found;
}

async function killAll(uid: number, runAs: RunAs): Promise<void> {
  const [file, ...args] = runAs.prefix(uid);
  const command = [...args, '/bin/sh', '-c', 'kill -9 -1'];
  const options = { cwd: '/', env: {}, timeout: KILL_TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
  // It may kill itself too, and find nobody; what is left tells.
  await promisify(execFile)(file, command, options).catch(() => {});
}
