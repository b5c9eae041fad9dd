import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ResourceLimits } from '../sidecar.js';

const MOUNT = '/sys/fs/cgroup';
const CONTROLLERS = ['memory', 'pids', 'cpu'];
const CELL_PREFIX = 'bulkhead-plugin-';
/** The period over which processor time is shared out, in microseconds. */
const CPU_PERIOD_US = 100_000;
/** How long the kernel may take to let go of an emptied cell: looks, and milliseconds between two. */
const MAX_REMOVE_POLLS = 100;
const REMOVE_POLL_MS = 10;

/** A cgroup of one plugin process and all that it starts. */
export interface Cell {
  /** Put in front of the program, it joins the cell before it runs. */
  readonly enter: readonly string[];
  /** Whether the kernel killed something in it for want of memory. */
  outOfMemory(): Promise<boolean>;
  /** Kills what is left in it and removes it. */
  remove(): Promise<void>;
}

export interface Cgroups {
  create(limits: ResourceLimits): Promise<Cell>;
}

export interface CgroupOptions {
  readonly pid: number;
  /** Default: where cgroup v2 is mounted. */
  readonly mount?: string;
  /** Reads which cgroups the host is in. Default: /proc/self/cgroup. */
  readonly readMembership?: () => Promise<string>;
  /** Default: rmdir, which is all that a cgroup needs. */
  readonly removeDirectory?: (path: string) => Promise<void>;
}

/**
 * The host's own cgroup, when it is one of version 2 that was delegated to it: its folder and its list of controllers
 * are the host's to write. The host moves into a leaf of its own first, because processes and limits for children do
 * not go together in one.
 *
 * @returns undefined where there is none, or where others are in it too
 */
export async function openCgroups(options: CgroupOptions): Promise<Cgroups | undefined> {
  const { pid, mount = MOUNT, readMembership = () => readFile('/proc/self/cgroup', 'utf8') } = options;
  const { removeDirectory = rmdir } = options;
  try {
    const own = /^0::(.*)$/m.exec(await readMembership())?.[1];
    if (own === undefined) return undefined;
    const folder = join(mount, own);
    // The machine's root cgroup has no type, and is nobody's to divide.
    await access(join(folder, 'cgroup.type'));
    await access(join(folder, 'cgroup.subtree_control'), constants.W_OK);
    await access(join(folder, 'cgroup.procs'), constants.W_OK);
    const offered = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).trim().split(/\s+/);
    const controllers = CONTROLLERS.filter((name) => offered.includes(name));
    if (!controllers.includes('memory')) return undefined;
    const leaf = join(folder, 'bulkhead-host');
    await mkdir(leaf, { recursive: true });
    await writeFile(join(leaf, 'cgroup.procs'), String(pid));
    await writeFile(join(folder, 'cgroup.subtree_control'), controllers.map((name) => `+${name}`).join(' '));
    await sweepCells(folder, removeDirectory);
    return { create: (limits) => createCell(folder, new Set(controllers), limits, removeDirectory) };
  } catch {
    // Not there, not the host's, or in use by others: the watchdog does it then.
    return undefined;
  }
}

/** Cells of a host that died, in the cgroup that is this one's now. */
async function sweepCells(parent: string, removeDirectory: (path: string) => Promise<void>): Promise<void> {
  const cells = (await readdir(parent)).filter((name) => name.startsWith(CELL_PREFIX));
  await Promise.all(cells.map((name) => removeCell(join(parent, name), removeDirectory)));
}

async function removeCell(folder: string, removeDirectory: (path: string) => Promise<void>): Promise<void> {
  await writeFile(join(folder, 'cgroup.kill'), '1').catch(() => {});
  for (let poll = 0; poll < MAX_REMOVE_POLLS; poll += 1) {
    const removed = await removeDirectory(folder).then(
      () => true,
      () => false,
    );
    if (removed) return;
    await pause(REMOVE_POLL_MS);
  }
}

async function createCell(
  parent: string,
  controllers: ReadonlySet<string>,
  limits: ResourceLimits,
  removeDirectory: (path: string) => Promise<void>,
): Promise<Cell> {
  const folder = join(parent, `${CELL_PREFIX}${randomBytes(6).toString('hex')}`);
  await mkdir(folder);
  const { memoryBytes, processes, cpu } = limits;
  const settings: readonly (readonly [controller: string, file: string, value: string | undefined])[] = [
    ['memory', 'memory.max', text(memoryBytes)],
    ['memory', 'memory.swap.max', memoryBytes === undefined ? undefined : '0'],
    ['memory', 'memory.oom.group', memoryBytes === undefined ? undefined : '1'],
    ['pids', 'pids.max', text(processes)],
    ['cpu', 'cpu.max', cpu === undefined ? undefined : `${Math.ceil(cpu * CPU_PERIOD_US)} ${CPU_PERIOD_US}`],
  ];
  try {
    for (const [controller, file, value] of settings) {
      if (value !== undefined && controllers.has(controller)) await writeSetting(join(folder, file), value);
    }
  } catch (error) {
    await removeDirectory(folder);
    throw error;
  }
  return {
    enter: ['/bin/sh', '-c', 'echo 0 > "$0/cgroup.procs" && exec "$@"', folder],
    async outOfMemory() {
      const events = await readFile(join(folder, 'memory.events'), 'utf8').catch(() => '');
      return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0) > 0;
    },
    remove: () => removeCell(folder, removeDirectory),
  };
}

/** A kernel without swap accounting has no file for it. */
async function writeSetting(file: string, value: string): Promise<void> {
  try {
    await writeFile(file, value);
  } catch (error) {
    if (!file.endsWith('memory.swap.max')) throw error;
  }
}

function text(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
