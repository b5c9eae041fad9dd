import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { childProcesses, innermostNumber, type ProcessTree } from '../child-processes.js';
import type { PluginProcess, ProcessExit } from '../plugin-process.js';
import { identifyProcess, isRunning, type ProcessIdentity } from '../process-identity.js';

/** The program is the first that the namespace's init starts. */
const PROGRAM_NUMBER = 2;
/** Status documents are some hundred bytes. */
const MAX_STATUS_BYTES = 16 * 1024;
/** A shell's way, and bubblewrap's, to tell a signal in an exit code. */
const SIGNAL_EXIT_BASE = 128;
/** How long a namespace may take to vanish after bubblewrap: looks, and milliseconds between two. */
const MAX_VANISH_POLLS = 500;
const VANISH_POLL_MS = 2;

/**
 * The plugin behind bubblewrap. Three processes stand in a row: bubblewrap, which is the host's child; the init of the
 * namespace, whose end is the end of everything in it; and the plugin's program, its first child. A SIGTERM to
 * bubblewrap would end them all without a word to the plugin, so it goes to the program and its process group.
 */
export function adoptSandboxed(bubblewrap: PluginProcess): PluginProcess {
  let init: ProcessIdentity | undefined;
  let program: number | undefined;
  const tree = Promise.withResolvers<ProcessTree | undefined>();
  const [status] = bubblewrap.reports;
  if (status !== undefined) {
    onChildNumber(status, (pid) => {
      init = identifyProcess(pid);
      // Whoever loses its parent becomes the init's child, so these are all.
      tree.resolve({ root: pid, withRoot: false });
    });
  }
  const findProgram = (): number | undefined => {
    if (init === undefined) return undefined;
    program ??= childProcesses(init.pid).find((pid) => innermostNumber(pid) === PROGRAM_NUMBER);
    return program;
  };
  return {
    stdin: bubblewrap.stdin,
    stdout: bubblewrap.stdout,
    stderr: bubblewrap.stderr,
    drained: bubblewrap.drained,
    reports: [],
    get pid() {
      return findProgram() ?? bubblewrap.pid;
    },
    tree: tree.promise,
    exit: bubblewrap.exit.then(async (exit) => {
      tree.resolve(undefined);
      if (init !== undefined) await untilVanished(init);
      return readExit(exit);
    }),
    signalGroup(signal) {
      if (signal === 'SIGTERM' && init !== undefined && findProgram() !== undefined && isRunning(init)) {
        // The group is the init's own, which ignores what it has no handler for.
        signalGroupOf(init.pid, signal);
        return;
      }
      bubblewrap.signalGroup(signal);
      if (init !== undefined && isRunning(init)) signalGroupOf(init.pid, signal);
    },
    destroyPipes() {
      status?.destroy();
      bubblewrap.destroyPipes();
    },
  };
}

function onChildNumber(status: Readable, onPid: (pid: number) => void): void {
  let text = '';
  status.on('data', (chunk: Buffer) => {
    if (text.length > MAX_STATUS_BYTES) return;
    text += chunk.toString('latin1');
    const found = /"child-pid"\s*:\s*([0-9]+)/.exec(text)?.[1];
    if (found === undefined) return;
    text = '';
    onPid(Number(found));
  });
}

async function untilVanished(init: ProcessIdentity): Promise<void> {
  for (let poll = 0; poll < MAX_VANISH_POLLS && isRunning(init); poll += 1) await pause(VANISH_POLL_MS);
}

function signalGroupOf(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // Nobody is left.
  }
}

/** bubblewrap reports a signal as 128 and its number; a program that ends with such a code by itself looks the same. */
function readExit(exit: ProcessExit): ProcessExit {
  const { exitCode } = exit;
  if (exitCode === null || exitCode <= SIGNAL_EXIT_BASE) return exit;
  const signal = signalOf(exitCode - SIGNAL_EXIT_BASE);
  return signal === undefined ? exit : { ...exit, exitCode: null, signal };
}

function signalOf(number: number): NodeJS.Signals | undefined {
  for (const name of SIGNALS) if (constants.signals[name] === number) return name;
  return undefined;
}

const SIGNALS = Object.keys(constants.signals).filter(isSignal);

function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}
