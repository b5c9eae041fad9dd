import { ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import { waitAtMost } from './deadline.js';
import type { LaunchDirectory } from './launch-directory.js';
import { HEAP_EXHAUSTED, isHeapExhausted } from './limits/out-of-memory.js';
import type { PluginLog } from './plugin-log.js';
import type { PluginProcess, ProcessExit } from './plugin-process.js';
import type { ExitReport } from './sidecar.js';

/** How long the last words may take to come out of the pipes after the process is gone, in milliseconds. */
const PIPE_DRAIN_TIMEOUT_MS = 250;

export interface ProcessLifeParts {
  readonly process: PluginProcess;
  readonly directory: LaunchDirectory;
  readonly log: PluginLog;
  readonly clock: Clock;
  readonly killTimeoutMs: number;
  /** Ends what left its group, where that can be told. Default: nothing. */
  readonly endStrays?: () => Promise<void>;
}

/**
 * From spawn to nothing left. However the process ends, its group is killed, its pipes are given up, its
 * connections closed and its directory removed, once, in this order; only then `exited` settles.
 */
export class ProcessLife {
  /** Everything is gone; never rejects. */
  readonly exited: Promise<ExitReport>;
  readonly #parts: ProcessLifeParts;
  readonly #closers: (() => void)[] = [];
  #reason: string | undefined;
  #code: ErrorCode | undefined;
  #gone = false;

  constructor(parts: ProcessLifeParts) {
    this.#parts = parts;
    this.exited = this.#untilGone();
  }

  /** Runs when the process is gone, or given up; at once when it is already. */
  onEnd(close: () => void): void {
    if (this.#gone) close();
    else this.#closers.push(close);
  }

  /** Remembers why the host ends the process; the first reason stays. */
  because(reason: string): void {
    if (!this.#gone) this.#reason ??= reason;
  }

  /** Ends it because it passed a limit; that says more than any reason before. */
  exceeded(code: ErrorCode, reason: string): void {
    if (this.#gone) return;
    this.#code = code;
    this.#reason = reason;
    this.#parts.log.logger.error({ code }, `the process is killed: ${reason}`);
    void this.kill(reason);
  }

  /** How the process ended, when it does within `timeoutMs`. */
  async endsWithin(timeoutMs: number): Promise<ExitReport | undefined> {
    const waited = await waitAtMost(this.#parts.clock, this.exited, timeoutMs);
    return waited.kind === 'value' ? waited.value : undefined;
  }

  /** SIGKILL to the whole group. Resolves within `killTimeoutMs`, also when the kernel does not let go of it. */
  async kill(reason: string): Promise<ExitReport> {
    this.because(reason);
    if (!this.#gone) this.#parts.process.signalGroup('SIGKILL');
    const ended = await this.endsWithin(this.#parts.killTimeoutMs);
    if (ended !== undefined) return ended;
    this.#parts.log.logger.error(`the process did not end within ${this.#parts.killTimeoutMs} ms of SIGKILL`);
    this.#release();
    return this.#report({ exitCode: null, signal: null });
  }

  async #untilGone(): Promise<ExitReport> {
    const { process, directory, log, clock, endStrays } = this.#parts;
    const exit = await process.exit;
    this.#gone = true;
    // What the plugin started does not outlive it.
    process.signalGroup('SIGKILL');
    await endStrays?.().catch((error: unknown) => {
      log.logger.error({ err: error }, 'what its user left running could not be ended');
    });
    await waitAtMost(clock, process.drained, PIPE_DRAIN_TIMEOUT_MS);
    this.#release();
    log.end();
    try {
      await directory.remove();
    } catch (error) {
      log.logger.warn({ err: error, directory: directory.path }, 'the launch directory could not be removed');
    }
    return this.#report(exit);
  }

  #release(): void {
    this.#parts.process.destroyPipes();
    for (const close of this.#closers.splice(0)) close();
  }

  #report({ exitCode, signal, exceeded }: ProcessExit): ExitReport {
    const lastLines = this.#parts.log.lastLines();
    const heapExhausted = this.#code === undefined && isHeapExhausted({ exitCode, signal }, lastLines);
    const code = heapExhausted ? ErrorCode.OUT_OF_MEMORY : (this.#code ?? exceeded?.code);
    const reason = heapExhausted ? HEAP_EXHAUSTED : (exceeded?.reason ?? this.#reason);
    return {
      exitCode,
      signal,
      ...(reason === undefined ? {} : { reason }),
      ...(code === undefined ? {} : { code }),
      lastLines,
    };
  }
}
