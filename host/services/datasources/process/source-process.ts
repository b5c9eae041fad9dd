import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../../clock.js';
import type { CommandLine } from '../../../sidecar/command-line.js';
import { readProcessUse } from '../../../sidecar/limits/process-use.js';
import { spawnPlugin, type PluginProcess, type ProcessExit } from '../../../sidecar/plugin-process.js';
import { MAX_RESULT_BYTES, type QueryResult } from '../query.js';
import { FrameReader, toFrame } from './frames.js';
import { parseAnswerHead, type AnswerHead, type Question, type SourceSettings } from './messages.js';

/** The names of columns and what else is in a head, in bytes. */
const MAX_HEAD_BYTES = 4 * 1024 * 1024;
/** Of a process's own, in bytes. */
const MAX_MEMORY_BYTES = 384 * 1024 * 1024;
const MEMORY_INTERVAL_MS = 50;

type RightHead = Extract<AnswerHead, { ok: true }>;

interface Asked {
  readonly maxRows: number;
  readonly reader: FrameReader;
  head?: RightHead;
  readonly rowsJson: string[];
  bytes: number;
  readonly resolve: (result: QueryResult) => void;
  readonly reject: (error: BulkheadError) => void;
}

/** A process that asks one data source, one question after the other. */
export class SourceProcess {
  /** Resolves when it is gone. */
  readonly exited: Promise<void>;
  #asked: Asked | undefined;
  #ended = false;
  readonly #process: PluginProcess;
  readonly #clock: Clock;

  private constructor(process: PluginProcess, clock: Clock) {
    this.#process = process;
    this.#clock = clock;
    process.stdout.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
    // What a process says when it ends is for nobody: it may quote what it was sent.
    process.stderr.resume();
    this.exited = process.exit.then((exit) => {
      this.#ended = true;
      process.signalGroup('SIGKILL');
      process.destroyPipes();
      this.#fail(exitError(exit));
    });
  }

  /** @throws BulkheadError SPAWN_FAILED */
  static async start(command: CommandLine, settings: SourceSettings, clock: Clock): Promise<SourceProcess> {
    const started = new SourceProcess(await spawnPlugin(command), clock);
    started.#process.stdin.write(toFrame(JSON.stringify(settings)));
    return started;
  }

  /** Whether it can be asked. */
  get alive(): boolean {
    return !this.#ended;
  }

  /** @throws QUERY_FAILED, QUOTA_EXCEEDED, and what the process says */
  async ask(question: Question, text: string): Promise<QueryResult> {
    if (this.#ended) throw new BulkheadError(ErrorCode.QUERY_FAILED, 'the process of the data source ended');
    const stopWatch = this.#watchMemory();
    try {
      return await new Promise<QueryResult>((resolve, reject) => {
        this.#asked = {
          maxRows: question.maxRows,
          reader: new FrameReader(Math.max(MAX_RESULT_BYTES, MAX_HEAD_BYTES)),
          rowsJson: [],
          bytes: 0,
          resolve,
          reject,
        };
        this.#process.stdin.write(Buffer.concat([toFrame(JSON.stringify(question)), toFrame(text)]));
      });
    } finally {
      stopWatch();
    }
  }

  /** Ends it at once, whatever it is at; what was asked fails with `error`. */
  kill(error: BulkheadError): void {
    this.#ended = true;
    this.#process.signalGroup('SIGKILL');
    this.#fail(error);
  }

  #fail(error: BulkheadError): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.reject(error);
  }

  #take(chunk: Buffer): void {
    const asked = this.#asked;
    if (asked === undefined) {
      // It was not asked, or answered already.
      this.kill(nonsense());
      return;
    }
    asked.bytes += chunk.length;
    try {
      if (asked.bytes > MAX_RESULT_BYTES + MAX_HEAD_BYTES) throw new RangeError('too many bytes');
      const frames = [...asked.reader.push(chunk)];
      const first = asked.head === undefined ? frames.shift() : undefined;
      const head = first === undefined ? asked.head : parseAnswerHead(first.toString());
      if (head === undefined) return;
      if (!head.ok) {
        this.#fail(new BulkheadError(head.code, head.message));
        return;
      }
      if (head.rows > asked.maxRows || asked.rowsJson.length + frames.length > head.rows)
        throw new RangeError('too many rows');
      asked.head = head;
      for (const frame of frames) asked.rowsJson.push(frame.toString());
      if (asked.rowsJson.length < head.rows) return;
      const { columns, truncated, changedRows } = head;
      this.#asked = undefined;
      asked.resolve({ columns, rowsJson: asked.rowsJson, truncated, changedRows });
    } catch {
      this.kill(nonsense());
    }
  }

  /** The heap of JavaScript has its own bound; what a driver takes beside it does not. */
  #watchMemory(): () => void {
    let cancel = (): void => {};
    const look = (): void => {
      cancel = this.#clock.after(MEMORY_INTERVAL_MS, () => {
        const use = readProcessUse(this.#process.pid);
        if (use !== undefined && use.ownBytes > MAX_MEMORY_BYTES) this.kill(tooMuchMemory());
        else look();
      });
    };
    look();
    return () => {
      cancel();
    };
  }
}

/** How V8, and the library below it, end a process that gets no more memory. */
const OUT_OF_MEMORY: ReadonlySet<string> = new Set(['SIGABRT', 'SIGTRAP', 'SIGILL']);

function exitError({ exitCode, signal }: ProcessExit): BulkheadError {
  if (signal !== null && OUT_OF_MEMORY.has(signal)) return tooMuchMemory();
  const how = signal ?? `code ${String(exitCode)}`;
  return new BulkheadError(ErrorCode.QUERY_FAILED, `the process that asked the data source ended (${how})`);
}

function tooMuchMemory(): BulkheadError {
  return new BulkheadError(
    ErrorCode.QUOTA_EXCEEDED,
    'the query needs more memory than one may have; ask for fewer or smaller rows',
  );
}

function nonsense(): BulkheadError {
  return new BulkheadError(
    ErrorCode.QUERY_FAILED,
    'the process that asked the data source gave something else than an answer',
  );
}
