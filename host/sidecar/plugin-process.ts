import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { CommandLine } from './command-line.js';

/** How the operating system says that a process ended. */
export interface ProcessExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One child process with its three pipes; leader of its own process group. */
export interface PluginProcess {
  readonly pid: number;
  /** Kept open as long as the plugin is to live: its end tells the plugin that the host is gone. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process was reaped; only this says that it is gone, `kill(pid, 0)` lies for zombies. */
  readonly exit: Promise<ProcessExit>;
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
  const [stdin, stdout, stderr] = commandLine.stdio;
  const subprocess = execa(commandLine.file, commandLine.args, {
    cwd: commandLine.cwd,
    env: commandLine.env,
    extendEnv: false,
    stdin,
    stdout,
    stderr,
    // Our readers bound what they hold; the library's buffers and its kill ladder stay out of the way.
    buffer: false,
    encoding: 'buffer',
    reject: false,
    cleanup: false,
    forceKillAfterDelay: false,
    detached: true,
  });
  const child = subprocess.nodeChildProcess;
  const pid = subprocess.pid;
  if (pid === undefined) {
    const result = await subprocess;
    throw spawnFailed(commandLine, 'cause' in result ? result.cause : undefined);
  }
  // A plugin that closes its stdin, or ends, breaks this pipe; its end is told by `exit`.
  subprocess.stdin.on('error', () => {});
  return {
    pid,
    stdin: subprocess.stdin,
    stdout: subprocess.stdout,
    stderr: subprocess.stderr,
    exit: new Promise((resolve) => {
      child.once('exit', (exitCode, signal) => {
        resolve({ exitCode, signal });
      });
    }),
    drained: Promise.all([closed(subprocess.stdout), closed(subprocess.stderr)]).then(() => {}),
    signalGroup(signal) {
      try {
        // The number cannot have been given to somebody else while a process of the group is left.
        process.kill(-pid, signal);
      } catch {
        // Nobody is left.
      }
    },
    destroyPipes() {
      subprocess.stdin.destroy();
      subprocess.stdout.destroy();
      subprocess.stderr.destroy();
    },
  };
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.on('error', () => {
      resolve();
    });
  });
}

function spawnFailed(commandLine: CommandLine, cause: unknown): BulkheadError {
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
