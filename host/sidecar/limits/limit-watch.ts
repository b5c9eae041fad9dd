import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Clock } from '../../clock.js';
import { workerFile } from '../../worker-file.js';
import type { FromThread, ToThread, Watched } from './limits-thread.js';
import type { Exceeded } from './watch-limits.js';

/** Between a thread that failed and the next, in milliseconds. */
const RESTART_DELAY_MS = 1_000;
/** Before the first thread: both it and the first plugin start with all that the processors have. */
const START_DELAY_MS = 150;
/** The heap of the thread: it keeps some numbers of each process. */
const MAX_HEAP_MB = 64;

export interface LimitWatch {
  /**
   * Tells once when a plugin process passes one of its limits.
   *
   * @returns ends the watch
   */
  watch(watched: Watched, onExceeded: (exceeded: Exceeded) => void): () => void;
}

interface Entry {
  readonly watched: Watched;
  readonly onExceeded: (exceeded: Exceeded) => void;
}

/** Watches in a thread of its own, which is there while there is something to watch. */
export function createLimitWatch({ log, clock }: { log: Logger; clock: Clock }): LimitWatch {
  const entries = new Map<number, Entry>();
  let lastKey = 0;
  let worker: Worker | undefined;
  let cancelRestart: (() => void) | undefined;

  const send = (thread: Worker, message: ToThread): void => {
    thread.postMessage(message);
  };
  const restartLater = (cause?: unknown): void => {
    worker = undefined;
    log.error({ err: cause }, 'the thread that watches limits of plugins is not there; it is started again');
    cancelRestart = clock.after(RESTART_DELAY_MS, watchAll);
  };
  const start = (): void => {
    let started: Worker;
    try {
      started = createThread();
    } catch (error) {
      restartLater(error);
      return;
    }
    worker = started;
    started.unref();
    started.on('message', ({ key, exceeded }: FromThread) => {
      const entry = entries.get(key);
      entries.delete(key);
      entry?.onExceeded(exceeded);
      endWhenIdle();
    });
    const lost = (cause?: unknown): void => {
      if (worker === started) restartLater(cause);
    };
    started.on('error', lost);
    started.on('exit', () => {
      lost();
    });
    for (const [key, { watched }] of entries) send(started, { kind: 'watch', key, watched });
  };
  const watchAll = (): void => {
    cancelRestart = undefined;
    if (entries.size > 0) start();
  };
  const endWhenIdle = (): void => {
    if (entries.size > 0) return;
    cancelRestart?.();
    cancelRestart = undefined;
    const idle = worker;
    worker = undefined;
    void idle?.terminate();
  };
  return {
    watch(watched, onExceeded) {
      lastKey += 1;
      const key = lastKey;
      entries.set(key, { watched, onExceeded });
      if (worker !== undefined) send(worker, { kind: 'watch', key, watched });
      else cancelRestart ??= clock.after(START_DELAY_MS, watchAll);
      return () => {
        if (!entries.delete(key)) return;
        if (worker !== undefined) send(worker, { kind: 'end', key });
        endWhenIdle();
      };
    },
  };
}

function createThread(): Worker {
  return new Worker(workerFile(import.meta.url, './limits-thread.js'), {
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
}
