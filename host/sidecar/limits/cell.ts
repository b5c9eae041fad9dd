import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readProcessStat } from '../process-identity.js';
import type { ResourceLimits } from '../sidecar.js';
import { SHELL, type Controller } from './find-cgroup.js';

/** The maker's number and start are in the name, so that whoever finds it knows whether it is still wanted. */
const CELL_NAME = /^bulkhead-plugin-([0-9]+)-([0-9]+)-[0-9a-f]+$/;
/** The period over which processor time is shared out, and the least share of it that the kernel takes, in microseconds. */
const CPU_PERIOD_US = 100_000;
const MIN_CPU_US = 1_000;
/** How long the kernel may take to let go of an emptied cell: looks, and milliseconds between two. */
const MAX_REMOVE_POLLS = 500;
const REMOVE_POLL_MS = 10;
/** Files that a kernel without swap accounting, or older than 4.19, does not have. */
const OPTIONAL: ReadonlySet<string> = new Set(['memory.swap.max', 'memory.oom.group']);

/** A cgroup of one plugin process and all that it starts. */
export interface Cell {
  /** Put in front of the program, it joins the cell before it runs. */
  readonly enter: readonly string[];
  /** Where its share of processors is written, against that of other cells; undefined: the kernel does not share by cells. */
  readonly weightFile: string | undefined;
  /** For want of whose memory the kernel killed what is in it, when it did: the cell's own, or the machine's. */
  outOfMemory(): Promise<'its-own' | 'the-machine' | undefined>;
  /** Kills what is left in it and removes it. */
  remove(): Promise<void>;
}

/** Default: rmdir, which is all that a cgroup needs. */
export type RemoveDirectory = (path: string) => Promise<void>;

/** @throws Error of the file system when the kernel does not take it; nothing is left then */
export async function createCell(
  parent: string,
  controllers: ReadonlySet<Controller>,
  limits: ResourceLimits,
  removeDirectory: RemoveDirectory = rmdir,
): Promise<Cell> {
  const maker = readProcessStat(process.pid)?.startTicks ?? '0';
  const folder = join(parent, `bulkhead-plugin-${process.pid}-${maker}-${randomBytes(6).toString('hex')}`);
  await mkdir(folder);
  try {
    for (const [controller, file, value] of settingsOf(limits)) {
      if (value !== undefined && controllers.has(controller)) await writeSetting(folder, file, value);
    }
  } catch (error) {
    await removeDirectory(folder);
    throw error;
  }
  return {
    weightFile: controllers.has('cpu') ? join(folder, 'cpu.weight') : undefined,
    enter: [SHELL, '-c', 'echo 0 > "$0/cgroup.procs" && exec "$@"', folder],
    async outOfMemory() {
      const events = await readFile(join(folder, 'memory.events'), 'utf8').catch(() => '');
      const count = (name: string): number =>
        Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(events)?.[1] ?? 0);
      if (count('oom_kill') === 0) return undefined;
      return count('oom') > 0 ? 'its-own' : 'the-machine';
    },
    remove: () => removeCell(folder, removeDirectory),
  };
}

/** Removes the cells of hosts that died, with all that is in them. */
export async function sweepCells(parent: string, removeDirectory: RemoveDirectory = rmdir): Promise<void> {
  const abandoned = (await readdir(parent)).filter((name) => {
    const [, pid, startTicks] = CELL_NAME.exec(name) ?? [];
    if (pid === undefined) return false;
    const maker = readProcessStat(Number(pid));
    return maker?.startTicks !== startTicks || maker?.state === 'Z';
  });
  await Promise.all(abandoned.map((name) => removeCell(join(parent, name), removeDirectory)));
}

type Setting = readonly [controller: Controller, file: string, value: string | undefined];

function settingsOf({ memoryBytes, processes, cpu }: ResourceLimits): readonly Setting[] {
  return [
    ['memory', 'memory.max', text(memoryBytes)],
    ['memory', 'memory.swap.max', memoryBytes === undefined ? undefined : '0'],
    // What is left of a plugin after the kernel took a part of it is no plugin.
    ['memory', 'memory.oom.group', '1'],
    ['pids', 'pids.max', text(processes)],
    ['cpu', 'cpu.max', cpu === undefined ? undefined : cpuShare(cpu)],
  ];
}

function cpuShare(processors: number): string {
  return `${Math.max(MIN_CPU_US, Math.ceil(processors * CPU_PERIOD_US))} ${CPU_PERIOD_US}`;
}

async function writeSetting(folder: string, file: string, value: string): Promise<void> {
  try {
    await writeFile(join(folder, file), value);
  } catch (error) {
    if (!OPTIONAL.has(file)) throw error;
  }
}

async function removeCell(folder: string, removeDirectory: RemoveDirectory): Promise<void> {
  for (let poll = 0; poll < MAX_REMOVE_POLLS; poll += 1) {
    await killAll(folder);
    const removed = await removeDirectory(folder).then(
      () => true,
      () => false,
    );
    if (removed) return;
    await pause(REMOVE_POLL_MS);
  }
}

/** Kernels before 5.14 cannot kill a cgroup as a whole. */
async function killAll(folder: string): Promise<void> {
  try {
    await writeFile(join(folder, 'cgroup.kill'), '1');
  } catch {
    const members = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
    for (const pid of members.split('\n').map(Number)) if (pid > 0) kill(pid);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone in the meantime.
  }
}

function text(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
