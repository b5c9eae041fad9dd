import { readFileSync, readdirSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OWN_FOLDER, RECORD_NAME, removeDivided, type LaunchRecord } from './launch-directory.js';
import { findRunAs } from './own-user/run-as.js';
import { createUidClaims } from './own-user/uid-claims.js';
import { endProcessesOf } from './own-user/user-processes.js';
import { isRunning, readProcessStat, type ProcessIdentity } from './process-identity.js';
import { removeTree } from './remove-tree.js';

/** How long killed processes may take to vanish: looks, and milliseconds between two. */
const MAX_VANISH_POLLS = 200;
const VANISH_POLL_MS = 10;

export interface SweepReport {
  /** Process numbers that were killed. */
  readonly killed: readonly number[];
  /** Launch directories that were removed. */
  readonly removed: readonly string[];
}

/**
 * Clears what hosts that died left in `runDir`: their plugins' processes and launch directories. Nothing of a
 * host that still runs is touched, nor any process that is not surely a plugin of a dead one. Run once at start,
 * before the first launch.
 */
export async function sweepLeftovers(runDir: string): Promise<SweepReport> {
  const killed: number[] = [];
  const removed: string[] = [];
  for (const name of await listRecords(runDir)) {
    const file = join(runDir, name);
    const record = await readRecord(file);
    if (record === undefined) {
      const pid = Number(RECORD_NAME.exec(name)?.[1]);
      if (!isRunning({ pid, startTime: '' })) await rm(file, { force: true });
      continue;
    }
    if (isRunning(record.host)) continue;
    killed.push(...(await killLeftovers(record)));
    if (record.uid !== undefined) killed.push(...(await endUser(record.uid, runDir)));
    await (record.uid === undefined ? removeTree(record.directory) : removeDivided(record.directory));
    await rm(file, { force: true });
    removed.push(record.directory);
  }
  return { killed, removed };
}

async function listRecords(runDir: string): Promise<string[]> {
  try {
    return (await readdir(runDir)).filter((name) => RECORD_NAME.test(name));
  } catch {
    return [];
  }
}

function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTime' in value))
    return undefined;
  const { pid, startTime } = value;
  // 0 and negative numbers mean whole sets of processes to kill().
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1 || typeof startTime !== 'string')
    return undefined;
  return { pid, startTime };
}

async function readRecord(file: string): Promise<LaunchRecord | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    !('name' in value && 'directory' in value && 'host' in value)
  ) {
    return undefined;
  }
  const host = parseIdentity(value.host);
  const { name, directory } = value;
  if (host === undefined || typeof name !== 'string' || typeof directory !== 'string') return undefined;
  // Only what createLaunchDirectory makes is ever removed.
  const id = basename(file).replace(/\.json(\.tmp)?$/, '');
  if (basename(directory) !== id && basename(directory) !== `bulkhead-${id}`) return undefined;
  const plugin = 'plugin' in value ? parseIdentity(value.plugin) : undefined;
  const uid = 'uid' in value && typeof value.uid === 'number' ? value.uid : undefined;
  return {
    name,
    directory,
    host,
    ...(plugin === undefined ? {} : { plugin }),
    ...(uid === undefined ? {} : { uid }),
  };
}

/**
 * Ends everything of a user that was one plugin's alone; wherever it went, and though root may not read its environment.
 * A host that still runs may have given the number away again.
 */
async function endUser(uid: number, runDir: string): Promise<readonly number[]> {
  for (const name of await listRecords(runDir)) {
    const other = await readRecord(join(runDir, name));
    if (other?.uid === uid && isRunning(other.host)) return [];
  }
  const claims = createUidClaims();
  if (!(await claims.take(uid))) return [];
  try {
    const host = { platform: process.platform, uid: process.geteuid?.() };
    const found = await findRunAs({ ...host, first: uid, count: 1 });
    return found.kind === 'works' ? await endProcessesOf(uid, found.runAs) : [];
  } finally {
    await claims.release(uid);
  }
}

async function killLeftovers(record: LaunchRecord): Promise<number[]> {
  const pids = findLeftovers(record);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone in the meantime, or no longer ours to end.
    }
  }
  // Not our children, so nothing tells when they are gone.
  for (let poll = 0; poll < MAX_VANISH_POLLS && findLeftovers(record).length > 0; poll += 1) {
    await pause(VANISH_POLL_MS);
  }
  return pids;
}

/**
 * A process is the dead host's when it is the recorded one (number and start time), or when it was started with
 * that launch's private directory in its environment: that finds grandchildren, those that left the group too, and
 * a process that the host did not live to record.
 */
function findLeftovers(record: LaunchRecord): number[] {
  const own = record.uid === undefined ? record.directory : join(record.directory, OWN_FOLDER);
  const mark = `\0PLUGIN_UNIX_SOCKET_DIR=${Buffer.from(own).toString('latin1')}\0`;
  const found: number[] = [];
  for (const pid of listProcesses()) {
    if (pid === process.pid || readProcessStat(pid)?.state === 'Z') continue;
    const recorded = record.plugin?.pid === pid && record.plugin.startTime !== '' && isRunning(record.plugin);
    if (recorded || readEnvironment(pid).includes(mark)) found.push(pid);
  }
  return found;
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function readEnvironment(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`;
  } catch {
    return '';
  }
}
