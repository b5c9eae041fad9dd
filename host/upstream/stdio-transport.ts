import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson } from '@bulkhead/proto/json';
import type { Clock } from '../clock.js';
import type { PluginProcess } from '../sidecar/plugin-process.js';
import { createLineBuffer } from './line-buffer.js';

export interface StdioOptions {
  /** Starts the process. @throws SPAWN_FAILED */
  readonly open: () => Promise<PluginProcess>;
  /** Longest message that is read. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  /** One line of the process's stderr, cut to a bound. Default: whoever opened it reads them. */
  readonly onStderr?: (line: string) => void;
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
  #child: PluginProcess | undefined;
  #exited = false;
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
    const { open, maxMessageBytes, onStderr, clock } = this.#options;
    let child: PluginProcess;
    try {
      child = await open();
    } catch (error) {
      this.ended = BulkheadError.from(error).message;
      this.#finish();
      throw error;
    }
    if (this.#closed) {
      // Nobody waits for it any more.
      child.signalGroup('SIGKILL');
      child.destroyPipes();
      throw new BulkheadError(ErrorCode.CANCELLED, 'the connection was closed while the process started');
    }
    this.#child = child;
    // Written-to pipes of a dead process report through `exit`, not here.
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
    if (onStderr !== undefined) {
      const errors = createLineBuffer(MAX_STDERR_LINE_BYTES, onStderr, (start) => {
        onStderr(`${start.toString('utf8')}… (cut)`);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        errors.push(chunk);
      });
    }
    void child.exit.then(({ exitCode, signal, exceeded }) => {
      this.#exited = true;
      this.ended ??=
        exceeded?.reason ??
        (signal === null ? `it ended with exit code ${String(exitCode)}` : `it was ended by ${signal}`);
      // A grandchild may hold the pipe open for ever; what is already written gets a moment.
      const cancel = clock.after(LAST_WORDS_MS, () => {
        this.#finish();
      });
      child.stdout.once('close', () => {
        cancel();
        this.#finish();
      });
      if (child.stdout.closed) this.#finish();
    });
  }

  #receive(line: string): void {
    if (line.trim() === '' || this.#closed) return;
    let message: unknown;
    try {
      message = parseJson(line);
    } catch {
      this.#options.onStderr?.(`(stdout, not JSON) ${line.slice(0, 1_000)}`);
      return;
    }
    if (isMessage(message)) this.onmessage?.(message);
    else this.onerror?.(new Error('a line on stdout is JSON but no JSON-RPC 2.0 message'));
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#child?.signalGroup('SIGKILL');
    this.#child?.destroyPipes();
    this.onclose?.();
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
    if (!this.#exited) {
      const step = this.#options.stopStepMs ?? DEFAULT_STOP_STEP_MS;
      child.stdin.end();
      if (!(await this.#gone(child, step))) {
        child.signalGroup('SIGTERM');
        if (!(await this.#gone(child, step))) {
          child.signalGroup('SIGKILL');
          await this.#gone(child, KILL_WAIT_MS);
        }
      }
    }
    this.#finish();
  }

  #gone(child: PluginProcess, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(waitMs, () => {
        resolve(false);
      });
      void child.exit.then(() => {
        cancel();
        resolve(true);
      });
    });
  }
}

function isMessage(value: unknown): value is JSONRPCMessage {
  return typeof value === 'object' && value !== null && 'jsonrpc' in value && value.jsonrpc === '2.0';
}
