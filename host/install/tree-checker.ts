import { Worker } from 'node:worker_threads';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import type { TreeCheck } from './tree-check.js';

/** Checks trees in a worker thread, one after another; the thread ends when it has nothing to do. */
export interface TreeChecker {
  /** Starts the thread, which takes longer than most checks, while there is still something else to do. */
  warm(): void;
  /** @throws FILE_MISSING when the tree is not there at all */
  check(check: TreeCheck): Promise<readonly Problem[]>;
  close(): Promise<void>;
}

/** A tree that takes longer than this is given up. */
const CHECK_TIMEOUT_MS = 120_000;
const IDLE_MS = 2_000;

interface Answer {
  readonly id: number;
  readonly faults?: readonly Problem[];
  readonly error?: string;
}

export function createTreeChecker(): TreeChecker {
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let next = 0;
  const waiting = new Map<number, { readonly root: string; readonly settle: (answer: Answer) => void }>();

  const open = (): Worker => {
    const started = new Worker(new URL('./tree-worker.js', import.meta.url), { env: {}, execArgv: [] });
    started.unref();
    started.on('message', (answer: Answer) => {
      waiting.get(answer.id)?.settle(answer);
    });
    const lost = (why: string): void => {
      if (worker === started) worker = undefined;
      for (const [id, { settle }] of waiting) settle({ id, error: why });
    };
    started.on('error', (error) => {
      lost(error instanceof Error ? error.message : String(error));
    });
    started.on('exit', () => {
      lost('its worker thread ended');
    });
    return started;
  };
  const close = async (): Promise<void> => {
    clearTimeout(idle);
    const ending = worker;
    worker = undefined;
    await ending?.terminate();
  };
  const restUntilAsked = (): void => {
    clearTimeout(idle);
    if (waiting.size === 0) idle = setTimeout(() => void close(), IDLE_MS).unref();
  };
  return {
    close,
    warm() {
      worker ??= open();
      restUntilAsked();
    },
    async check(check) {
      clearTimeout(idle);
      worker ??= open();
      const id = next;
      next += 1;
      const { promise, resolve } = Promise.withResolvers<Answer>();
      waiting.set(id, { root: check.root, settle: resolve });
      const timer = setTimeout(() => {
        resolve({ id, error: `it took longer than ${CHECK_TIMEOUT_MS / 1_000} s` });
      }, CHECK_TIMEOUT_MS);
      worker.postMessage({ id, check });
      const { faults, error } = await promise;
      clearTimeout(timer);
      waiting.delete(id);
      restUntilAsked();
      if (faults !== undefined) return faults;
      throw new BulkheadError(
        ErrorCode.FILE_MISSING,
        `${check.root} could not be verified: ${error ?? 'no answer'}.`,
      );
    },
  };
}
