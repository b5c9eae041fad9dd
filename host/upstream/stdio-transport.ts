import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson } from '@bulkhead/proto/json';
import type { Clock } from '../clock.js';
import { createLineBuffer } from './line-buffer.js';

export interface StdioOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Longest message that is read. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  /** One line of the process's stderr, cut to a bound. */
  readonly onStderr: (line: string) => void;
  /** Wait after closing stdin, and after SIGTERM, in milliseconds each. */
  readonly stopStepMs?: number;
}

/** What waits for a process that does not read; more is refused. */
const MAX_UNWRITTEN_BYTES = 32 * 1024 * 1024;
const MAX_STDERR_LINE_BYTES = 64 * 1024;
const DEFAULT_STOP_STEP_MS = 1_000;
/** What the process wrote before it ended is still read for so long. */
const LAST_WORDS_MS = 50;
/** After SIGKILL the kernel needs a moment; a stuck process must not hold the host. */
const KILL_WAIT_MS = 1_000;

/**
 * Newline-delimited JSON over a child process. Unlike the protocol package's own transport it keeps numbers as they
 * were written, gives the child only the environment that it is told, and ends the whole process group.
 */
export class StdioTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];

  readonly #options: StdioOptions;
  #child: ChildProcessWithoutNullStreams | undefined;
  #closed = false;
  /** How the process ended, when it did. */
  ended: string | undefined;

  constructor(options: StdioOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const { command, args, env, cwd, maxMessageBytes, onStderr } = this.#options;
    const child = spawn(command, [...args], { env: { ...env }, cwd, stdio: 'pipe', detached: true });
    this.#child = child;
    // Written-to pipes of a dead process report through `exit`, not here.
    child.stdin.on('error', () => {});
    child.stdout.on('error', () => {});
    child.stderr.on('error', () => {});
    const lines = createLineBuffer(
      maxMessageBytes,
      (line) => {
        this.#receive(line);
      },
      () => {
        this.ended = `it sent a message longer than ${String(maxMessageBytes)} bytes`;
        this.onerror?.(new Error(`${this.ended}; the connection is given up`));
        void this.close();
      },
    );
    child.stdout.on('data', (chunk: Buffer) => {
      lines.push(chunk);
    });
    const errors = createLineBuffer(MAX_STDERR_LINE_BYTES, onStderr, (start) => {
      onStderr(`${start.toString('utf8')}… (cut)`);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors.push(chunk);
    });
    child.once('exit', (code, signal) => {
      this.ended ??=
        signal === null ? `it ended with exit code ${String(code)}` : `it was ended by ${signal}`;
      // A grandchild may hold the pipe open for ever; what is already written gets a moment.
      const cancel = this.#options.clock.after(LAST_WORDS_MS, () => {
        this.#finish();
      });
      child.stdout.once('close', () => {
        cancel();
        this.#finish();
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        this.ended = cause.message;
        this.#finish();
        reject(
          new BulkheadError(ErrorCode.SPAWN_FAILED, `cannot start '${command}': ${cause.message}`, { cause }),
        );
      });
    });
  }

  #receive(line: string): void {
    if (line.trim() === '' || this.#closed) return;
    let message: unknown;
    try {
      message = parseJson(line);
    } catch {
      this.#options.onStderr(`(stdout, not JSON) ${line.slice(0, 1_000)}`);
      return;
    }
    if (isMessage(message)) this.onmessage?.(message);
    else this.onerror?.(new Error('a line on stdout is JSON but no JSON-RPC 2.0 message'));
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal('SIGKILL');
    this.#destroyPipes();
    this.onclose?.();
  }

  #destroyPipes(): void {
    this.#child?.stdin.destroy();
    this.#child?.stdout.destroy();
    this.#child?.stderr.destroy();
  }

  /** Whether a process of the group was there to get it. */
  #signal(signal: NodeJS.Signals): boolean {
    const pid = this.#child?.pid;
    if (pid === undefined) return false;
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.#closed || !child.stdin.writable) throw new Error('the process is gone');
    if (child.stdin.writableLength > MAX_UNWRITTEN_BYTES)
      throw new Error('the process does not read what it is sent');
    if (child.stdin.write(`${stringifyJson(message)}\n`)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        child.stdin.off('drain', done);
        child.stdin.off('close', done);
        resolve();
      };
      child.stdin.once('drain', done);
      child.stdin.once('close', done);
    });
  }

  /** Closes stdin, then SIGTERM, then SIGKILL to the whole group; bounded. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined) {
      this.#finish();
      return;
    }
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const step = this.#options.stopStepMs ?? DEFAULT_STOP_STEP_MS;
      child.stdin.end();
      if (!(await this.#gone(child, step))) {
        this.#signal('SIGTERM');
        if (!(await this.#gone(child, step))) {
          this.#signal('SIGKILL');
          await this.#gone(child, KILL_WAIT_MS);
        }
      }
    }
    this.#finish();
  }

  #gone(child: ChildProcessWithoutNullStreams, waitMs: number): Promise<boolean> {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(true);
    return new Promise((resolve) => {
      const onExit = (): void => {
        cancel();
        resolve(true);
      };
      const cancel = this.#options.clock.after(waitMs, () => {
        child.off('exit', onExit);
        resolve(false);
      });
      child.once('exit', onExit);
    });
  }
}

function isMessage(value: unknown): value is JSONRPCMessage {
  return typeof value === 'object' && value !== null && 'jsonrpc' in value && value.jsonrpc === '2.0';
}
