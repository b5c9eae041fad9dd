import { ErrorCode } from '@bulkhead/proto';
import type { CommandLine, Wall } from '../command-line.js';
import type { Cell, Cgroups } from '../limits/cgroup.js';
import type { PluginProcess, ProcessExit } from '../plugin-process.js';

/** The same wall with a cgroup around each process that has limits, so that the kernel itself holds them. */
export function withCgroups(wall: Wall, cgroups: Cgroups): Wall {
  return {
    ...wall,
    async enclose(description, place) {
      const { limits } = description;
      const inner = await wall.enclose(description, place);
      if (limits === undefined) return inner;
      return inCell(inner, await cgroups.create(limits));
    },
  };
}

function inCell(inner: CommandLine, cell: Cell): CommandLine {
  const [file = inner.file, ...args] = [...cell.enter, inner.file, ...inner.args];
  return {
    ...inner,
    file,
    args,
    discard: () => cell.remove(),
    adopt(started) {
      const process = inner.adopt?.(started) ?? started;
      return inCellOf(process, cell);
    },
  };
}

function inCellOf(process: PluginProcess, cell: Cell): PluginProcess {
  const { stdin, stdout, stderr, drained, reports, tree } = process;
  return {
    stdin,
    stdout,
    stderr,
    drained,
    reports,
    tree,
    get pid() {
      return process.pid;
    },
    exit: emptied(process, cell),
    signalGroup: (signal) => {
      process.signalGroup(signal);
    },
    destroyPipes: () => {
      process.destroyPipes();
    },
  };
}

async function emptied(process: PluginProcess, cell: Cell): Promise<ProcessExit> {
  const exit = await process.exit;
  const outOfMemory = await cell.outOfMemory();
  await cell.remove();
  if (!outOfMemory) return exit;
  const reason =
    'out of memory: the kernel ended it at its limit; look for a leak, or raise its limits.memory_mb';
  return { ...exit, exceeded: { code: ErrorCode.OUT_OF_MEMORY, reason } };
}
