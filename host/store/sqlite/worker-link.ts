import { Worker } from 'node:worker_threads';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { workerFile } from '../../worker-file.js';
import { sqliteError } from './sqlite-fault.js';
import type { Answer, Outcome, Request, Result, WorkerSettings } from './messages.js';

/** Starts the thread; a test passes its own to end it. */
export type StartWorker = (settings: WorkerSettings) => Worker;

/** A request without its number. */
export type Asked = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

/** One store's worker: started when it is needed, and again when it died. */
export interface WorkerLink {
  /**
   * Sends one request with `count` outcomes. `settle` is called once for each, with the results or the typed error; it
   * never is before this returns.
   */
  send(request: Asked, count: number, settle: (index: number, outcome: Settled) => void): void;
  close(): Promise<void>;
}

export type Settled =
  | { readonly ok: true; readonly results: readonly Result[] }
  | { readonly ok: false; readonly error: BulkheadError };

/** A request without any answer for this long is given up, and the thread with it. */
const ANSWER_TIMEOUT_MS = 60_000;
/** A thread that died is not started again sooner than this after its start. */
const RESTART_INTERVAL_MS = 1_000;

export const startWorker: StartWorker = (settings) =>
  new Worker(workerFile(import.meta.url, 'sqlite-worker.js'), {
    workerData: settings,
    env: {},
    // The oldest Node 22 that is supported calls SQLite experimental, once in each thread.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    name: `store ${settings.role}`,
  });

export interface LinkOptions {
  readonly start?: StartWorker | undefined;
  /** Hears how each unit and each commit ended, before whoever asked does. */
  readonly observe?: (outcome: Settled) => void;
}

interface Waiting {
  left: number;
  readonly settled: Set<number>;
  readonly count: number;
  readonly settle: (index: number, outcome: Settled) => void;
}

export function openWorkerLink(
  settings: WorkerSettings,
  { start = startWorker, observe = () => {} }: LinkOptions = {},
): WorkerLink {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let startedAt = -Infinity;
  let lastReason = '';
  let nextId = 1;
  let watchdog: NodeJS.Timeout | undefined;

  const lost = (died: Worker, reason: string): void => {
    if (worker !== died) return;
    worker = undefined;
    lastReason = reason;
    clearTimeout(watchdog);
    const error = new BulkheadError(
      ErrorCode.STORE_UNAVAILABLE,
      `${reason}; whether the last writes stand is not known`,
    );
    const unanswered = [...waiting.values()];
    waiting.clear();
    for (const { count, settled, settle } of unanswered)
      for (let index = 0; index < count; index += 1)
        if (!settled.has(index)) settle(index, { ok: false, error });
  };
  const watch = (running: Worker): void => {
    if (waiting.size === 0) running.unref();
    // Each message sets it anew; while nothing waits it says nothing when it is due.
    else watchdog?.refresh();
  };
  const watchdogOf = (running: Worker): NodeJS.Timeout =>
    setTimeout(() => {
      if (waiting.size === 0) return;
      lost(running, `the store's thread did not answer for ${ANSWER_TIMEOUT_MS / 1_000} s`);
      void running.terminate();
    }, ANSWER_TIMEOUT_MS).unref();
  const open = (): Worker | undefined => {
    if (worker !== undefined) return worker;
    const now = performance.now();
    if (now - startedAt < RESTART_INTERVAL_MS) return undefined;
    startedAt = now;
    const started = start(settings);
    started.on('message', ({ id, first, outcomes }: Answer) => {
      const request = waiting.get(id);
      if (request === undefined) return;
      request.left -= outcomes.length;
      if (request.left <= 0) waiting.delete(id);
      watch(started);
      for (const [offset, outcome] of outcomes.entries()) {
        request.settled.add(first + offset);
        request.settle(first + offset, typed(outcome));
      }
    });
    started.on('error', (error) => {
      lost(started, `the store's thread failed: ${error instanceof Error ? error.message : String(error)}`);
    });
    started.on('exit', () => {
      lost(started, "the store's thread ended");
    });
    worker = started;
    watchdog = watchdogOf(started);
    return started;
  };
  return {
    send(request, count, settle) {
      const running = open();
      if (running === undefined) {
        const error = new BulkheadError(ErrorCode.STORE_UNAVAILABLE, `${lastReason}; it is started again`, {
          retryable: true,
          retryAfterMs: RESTART_INTERVAL_MS,
        });
        observe({ ok: false, error });
        process.nextTick(() => {
          for (let index = 0; index < count; index += 1) settle(index, { ok: false, error });
        });
        return;
      }
      const id = nextId;
      nextId += 1;
      const isDurable = (index: number): boolean =>
        request.kind === 'group' || (request.kind === 'steps' && request.steps[index] === 'commit');
      const settleObserved = (index: number, outcome: Settled): void => {
        if (!outcome.ok || isDurable(index)) observe(outcome);
        settle(index, outcome);
      };
      waiting.set(id, { left: count, settled: new Set(), count, settle: settleObserved });
      running.ref();
      if (waiting.size === 1) watch(running);
      running.postMessage({ ...request, id });
    },
    async close() {
      const ending = worker;
      if (ending === undefined) return;
      await new Promise<void>((done) => {
        this.send({ kind: 'close' }, 1, () => {
          done();
        });
      });
      worker = undefined;
      clearTimeout(watchdog);
      await ending.terminate();
    },
  };
}

function typed(outcome: Outcome): Settled {
  return outcome.ok ? outcome : { ok: false, error: sqliteError(outcome.fault) };
}
