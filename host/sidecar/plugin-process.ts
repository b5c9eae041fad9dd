import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import type { Duplex, Readable, Writable } from 'node:stream';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ProcessTree } from './child-processes.js';
import type { CommandLine, Descriptor } from './command-line.js';

/** How the operating system says that a process ended. */
export interface ProcessExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** A limit that the system itself enforced ended it. */
  readonly exceeded?: { readonly code: ErrorCode; readonly reason: string };
}

/** One child process with its three pipes; leader of its own process group. */
export interface PluginProcess {
  /** The plugin's own number as the host sees it; the wall's, as long as the plugin behind it has none. */
  readonly pid: number;
  /** Ways back of the command line's descriptors, in their order. */
  readonly reports: readonly Readable[];
  /** Kept open as long as the plugin is to live: its end tells the plugin that the host is gone. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process was reaped; only this says that it is gone, `kill(pid, 0)` lies for zombies. */
  readonly exit: Promise<ProcessExit>;
  /** Where it and what it starts are found; undefined when it ended before that was known. */
  readonly tree: Promise<ProcessTree | undefined>;
  /** The file of its cgroup that says how it counts for processors, where it has one. */
  readonly weightFile?: string;
  /** Resolves when stdout and stderr are at their end, which a grandchild that holds them can delay for ever. */
  readonly drained: Promise<void>;
  /** To the whole group, so grandchildren too, also after the leader's exit. */
  signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Gives up the pipes, whoever still holds them. */
  destroyPipes(): void;
}

/** Failures that say something of the machine's moment, not of the plugin. */
const PASSING: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * Starts a process. Must run on the main thread: a wall's parent-death signal fires when the thread that spawned ends.
 *
 * @throws BulkheadError SPAWN_FAILED, retryable when the machine was short of something
 */
export async function spawnPlugin(commandLine: CommandLine): Promise<PluginProcess> {
  const descriptors = commandLine.descriptors ?? [];
  let child: ChildProcess;
  try {
    child = spawn(commandLine.file, commandLine.args, {
      cwd: commandLine.cwd,
      env: commandLine.env,
      stdio: ['pipe', 'pipe', 'pipe', ...descriptors.map(toStdio)],
      detached: true,
    });
  } catch (error) {
    throw spawnFailed(commandLine, error);
  } finally {
    for (const descriptor of descriptors) if (descriptor.kind === 'open') closeSync(descriptor.descriptor);
  }
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined || stdin === null || stdout === null || stderr === null) {
    const [cause]: unknown[] = await once(child, 'error');
    throw spawnFailed(commandLine, cause);
  }
  // Signals go to the group, so this only says what `exit` says too.
  child.on('error', () => {});
  // A plugin that closes its stdin, or ends, breaks this pipe; its end is told by `exit`.
  stdin.on('error', () => {});
  const reports = descriptors.flatMap((descriptor, index) =>
    useDescriptor(descriptor, child.stdio[index + FIRST_DESCRIPTOR]),
  );
  return {
    pid,
    reports,
    stdin,
    stdout,
    stderr,
    exit: new Promise((resolve) => {
      child.once('exit', (exitCode, signal) => {
        resolve({ exitCode, signal });
      });
    }),
    tree: Promise.resolve({ root: pid, withRoot: true }),
    drained: Promise.all([closed(stdout), closed(stderr)]).then(() => {}),
    signalGroup(signal) {
      try {
        // The number cannot have been given to somebody else while a process of the group is left.
        process.kill(-pid, signal);
      } catch {
        // Nobody is left.
      }
    },
    destroyPipes() {
      stdin.destroy();
      stdout.destroy();
      stderr.destroy();
    },
  };
}

/** Standard input, output and error come before it. */
const FIRST_DESCRIPTOR = 3;

function toStdio(descriptor: Descriptor): 'pipe' | number {
  return descriptor.kind === 'open' ? descriptor.descriptor : 'pipe';
}

/** Sends what goes to the process; what comes from it is returned. */
function useDescriptor(descriptor: Descriptor, stream: Readable | Writable | null | undefined): Readable[] {
  if (descriptor.kind === 'open' || !isSocket(stream)) return [];
  // A process that ends early breaks it; its end is told by `exit`.
  stream.on('error', () => {});
  if (descriptor.kind === 'report') return [stream];
  stream.end(descriptor.bytes);
  return [];
}

/** Node makes a pipe above descriptor 2 readable and writable, and types it as either. */
function isSocket(stream: Readable | Writable | null | undefined): stream is Duplex {
  return stream !== null && stream !== undefined && 'read' in stream && 'write' in stream;
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.on('error', () => {
      resolve();
    });
  });
}

/** What the system said when a program was to be started, as the error of the start. */
export function spawnFailed(commandLine: Pick<CommandLine, 'file' | 'cwd'>, cause: unknown): BulkheadError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const advice = PASSING.has(code)
    ? 'the machine is short of processes, descriptors or memory; see `bulkhead doctor`'
    : 'check that the program and the working directory exist and may be used';
  return new BulkheadError(
    ErrorCode.SPAWN_FAILED,
    `${commandLine.file} in ${commandLine.cwd} could not be started (${code}): ${advice}`,
    { retryable: PASSING.has(code), cause, details: { code } },
  );
}
