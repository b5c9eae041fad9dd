import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../../clock.js';
import type { CommandLine } from '../../../sidecar/command-line.js';
import { findProgram } from '../../../sidecar/wall/find-program.js';
import { cancelled, gone, tooLong, type Query, type QueryResult } from '../query.js';
import type { Question, SourceSettings } from './messages.js';
import { sourceCommand } from './source-command.js';
import { SourceProcess } from './source-process.js';

/** Processes of all sources together, those that end included. */
const MAX_PROCESSES = 6;
/** Queries of one source that run at once. */
const MAX_PER_SOURCE = 2;
/** Queries of one caller that run at once: whoever asks what never ends leaves room for others. */
const MAX_PER_CALLER = 3;
/** Queries of one caller that wait; one more is refused. */
const MAX_WAITING_PER_CALLER = 50;
const MAX_WAITING = 200;
/** A process that is not asked for so long is ended. */
const IDLE_TIMEOUT_MS = 30_000;

export interface ProcessPoolOptions {
  readonly clock: Clock;
  /** Default: the Node on which the host runs. */
  readonly nodePath?: string;
  /** Default: where the system keeps its programs. */
  readonly find?: (program: string) => Promise<string | undefined>;
}

/** Runs what asks data sources in processes, a bounded number of them. */
export interface ProcessPool {
  /** Starts none yet. */
  open(settings: SourceSettings): SourceProcesses;
  /** Ends all of them. Never rejects. */
  close(): Promise<void>;
}

/** The processes of one source. */
export interface SourceProcesses {
  /** @throws as OpenSource.query */
  ask(question: PoolQuestion): Promise<QueryResult>;
  /** What runs and what waits fails. Never rejects. */
  close(): Promise<void>;
}

export interface PoolQuestion
  extends Omit<Question, 'pointer'>, Pick<Query, 'signal' | 'caller'>, Partial<Pick<Question, 'pointer'>> {
  /** Parameters as a JSON list, or the answer in which rows are looked for. */
  readonly text: string;
  /** Queries of which source count together; default: those of this one. */
  readonly lane?: object;
}

interface Job {
  readonly crew: SourceProcesses;
  readonly lane: object;
  readonly settings: SourceSettings;
  readonly question: PoolQuestion;
  readonly deadlineMs: number;
  /** Set when it is asked. */
  process?: SourceProcess;
  readonly settle: (how: QueryResult | BulkheadError) => void;
  /** Settles it, and ends the process that is at it: nothing else ends a query. */
  readonly giveUp: (error: BulkheadError) => void;
}

interface Idle {
  readonly crew: SourceProcesses;
  readonly process: SourceProcess;
  readonly forget: () => void;
}

export function createProcessPool({
  clock,
  nodePath = process.execPath,
  find = (program) => findProgram(program),
}: ProcessPoolOptions): ProcessPool {
  const waiting = new Set<Job>();
  const running = new Set<Job>();
  /** Who was asked longest ago first. */
  const idle = new Set<Idle>();
  /** From the start of each to when it is reaped. */
  const all = new Set<Promise<void>>();
  let command: Promise<CommandLine> | undefined;

  const count = (jobs: ReadonlySet<Job>, test: (job: Job) => boolean): number =>
    [...jobs].filter((job) => test(job)).length;
  const mayRun = ({ lane, question: { caller } }: Job): boolean =>
    count(running, (job) => job.lane === lane) < MAX_PER_SOURCE &&
    count(running, (job) => job.question.caller === caller) < MAX_PER_CALLER;

  const drop = (one: Idle): void => {
    idle.delete(one);
    one.forget();
    one.process.kill(gone());
  };

  const rest = (crew: SourceProcesses, process: SourceProcess): void => {
    const one: Idle = {
      crew,
      process,
      forget: clock.after(IDLE_TIMEOUT_MS, () => {
        drop(one);
      }),
    };
    idle.add(one);
    void process.exited.then(() => {
      one.forget();
      idle.delete(one);
    });
  };

  const begin = async (settings: SourceSettings): Promise<SourceProcess> => {
    const reaped = Promise.withResolvers<void>();
    all.add(reaped.promise);
    const leave = (): void => {
      all.delete(reaped.promise);
      reaped.resolve();
      next();
    };
    try {
      command ??= sourceCommand(nodePath, find);
      const process = await SourceProcess.start(await command, settings, clock);
      void process.exited.then(leave);
      return process;
    } catch (error) {
      leave();
      const { message } = BulkheadError.from(error);
      throw new BulkheadError(ErrorCode.QUERY_FAILED, message, { retryable: true, cause: error });
    }
  };

  const run = async (job: Job, found: Idle | undefined): Promise<void> => {
    waiting.delete(job);
    running.add(job);
    const { lane: _lane, text, signal: _signal, caller: _caller, ...question } = job.question;
    try {
      const process = found?.process ?? (await begin(job.settings));
      if (!running.has(job)) {
        // Nobody waits any more.
        process.kill(gone());
        return;
      }
      job.process = process;
      const timeoutMs = Math.max(1, job.deadlineMs - clock.monotonic());
      job.settle(await process.ask({ pointer: '', ...question, timeoutMs }, text));
    } catch (error) {
      job.settle(BulkheadError.from(error, ErrorCode.QUERY_FAILED));
    }
  };

  const next = (): void => {
    for (const job of waiting) {
      if (!mayRun(job)) continue;
      const found = [...idle].findLast(({ crew, process }) => crew === job.crew && process.alive);
      if (found !== undefined) {
        idle.delete(found);
        found.forget();
      } else if (all.size >= MAX_PROCESSES) {
        const ending = all.size - running.size - idle.size;
        const [oldest] = idle;
        // Its place is free when it is reaped.
        if (oldest !== undefined && ending === 0) drop(oldest);
        return;
      }
      void run(job, found);
    }
  };

  const enter = (crew: SourceProcesses, settings: SourceSettings, question: PoolQuestion) =>
    new Promise<QueryResult>((resolve, reject) => {
      const { caller, signal, timeoutMs } = question;
      if (signal.aborted) throw cancelled();
      if (
        waiting.size >= MAX_WAITING ||
        count(waiting, (job) => job.question.caller === caller) >= MAX_WAITING_PER_CALLER
      )
        throw new BulkheadError(ErrorCode.QUOTA_EXCEEDED, 'too many queries wait for data sources', {
          retryable: true,
        });
      const settle = (how: QueryResult | BulkheadError): void => {
        if (!waiting.delete(job) && !running.delete(job)) return;
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        const { process } = job;
        if (how instanceof BulkheadError) reject(how);
        else resolve(how);
        if (process?.alive === true) rest(crew, process);
        next();
      };
      const giveUp = (error: BulkheadError): void => {
        job.process?.kill(error);
        settle(error);
      };
      const onAbort = (): void => {
        giveUp(cancelled());
      };
      const job: Job = {
        crew,
        lane: question.lane ?? crew,
        settings,
        question,
        deadlineMs: clock.monotonic() + timeoutMs,
        settle,
        giveUp,
      };
      const cancelTimer = clock.after(timeoutMs, () => {
        giveUp(tooLong(timeoutMs));
      });
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.add(job);
      next();
    });

  /** @returns when what was at it is gone */
  const end = (isMeant: (crew: SourceProcesses) => boolean): readonly Promise<void>[] => {
    const ended: Promise<void>[] = [];
    for (const one of idle) {
      if (!isMeant(one.crew)) continue;
      ended.push(one.process.exited);
      drop(one);
    }
    for (const job of [...waiting, ...running]) {
      if (!isMeant(job.crew)) continue;
      if (job.process !== undefined) ended.push(job.process.exited);
      job.giveUp(gone());
    }
    return ended;
  };

  let stopped = false;
  return {
    open(settings) {
      let closed = false;
      const crew: SourceProcesses = {
        async ask(question) {
          if (closed || stopped) throw gone();
          return enter(crew, settings, question);
        },
        async close() {
          closed = true;
          await Promise.all(end((owner) => owner === crew));
        },
      };
      return crew;
    },
    async close() {
      stopped = true;
      void end(() => true);
      await Promise.all(all);
    },
  };
}
