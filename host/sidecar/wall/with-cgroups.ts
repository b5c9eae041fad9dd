import { ErrorCode } from '@bulkhead/proto';
import type { CommandLine, Wall } from '../command-line.js';
import type { Cell } from '../limits/cell.js';
import type { Cgroups } from '../limits/cgroup.js';
import type { PluginProcess, ProcessExit } from '../plugin-process.js';
import type { ResourceLimits } from '../sidecar.js';

const MIB = 1024 * 1024;

/** Hears of a plugin whose limits the kernel does not hold, and why; it is started all the same, and watched. */
export type OnUnheld = (plugin: string, error: unknown) => void;

/** The same wall with a cgroup around each process that has limits, so that the kernel itself holds them. */
export function withCgroups(
  wall: Wall,
  cgroups: Pick<Cgroups, 'create'>,
  onUnheld: OnUnheld = () => {},
): Wall {
  return {
    ...wall,
    async enclose(description, place) {
      const { limits } = description;
      const inner = await wall.enclose(description, place);
      if (limits === undefined) return inner;
      try {
        return inCell(inner, await cgroups.create(limits), limits);
      } catch (error) {
        onUnheld(description.name, error);
        return inner;
      }
    },
  };
}

function inCell(inner: CommandLine, cell: Cell, limits: ResourceLimits): CommandLine {
  const [file = inner.file, ...args] = [...cell.enter, inner.file, ...inner.args];
  return {
    ...inner,
    file,
    args,
    async discard() {
      await inner.discard?.();
      await cell.remove();
    },
    adopt(started) {
      const process = inner.adopt?.(started) ?? started;
      return inCellOf(process, cell, limits);
    },
  };
}

function inCellOf(process: PluginProcess, cell: Cell, limits: ResourceLimits): PluginProcess {
  const { stdin, stdout, stderr, drained, reports, tree } = process;
  return {
    stdin,
    stdout,
    stderr,
    drained,
    reports,
    tree,
    ...(cell.weightFile === undefined ? {} : { weightFile: cell.weightFile }),
    get pid() {
      return process.pid;
    },
    exit: emptied(process, cell, limits),
    signalGroup: (signal) => {
      process.signalGroup(signal);
    },
    destroyPipes: () => {
      process.destroyPipes();
    },
  };
}

async function emptied(
  process: PluginProcess,
  cell: Cell,
  { memoryBytes }: ResourceLimits,
): Promise<ProcessExit> {
  const exit = await process.exit;
  const lacking = await cell.outOfMemory();
  await cell.remove();
  if (lacking === undefined) return exit;
  const reason =
    lacking === 'its-own' && memoryBytes !== undefined
      ? `out of memory: it may use ${Math.round(memoryBytes / MIB)} MiB, and the kernel ended it there; look for a leak, or raise its limits.memory_mb`
      : 'out of memory: the machine, or the cgroup that the host is in, had none left, and the kernel chose it; give the host more, or its plugins less';
  return { ...exit, exceeded: { code: ErrorCode.OUT_OF_MEMORY, reason } };
}
