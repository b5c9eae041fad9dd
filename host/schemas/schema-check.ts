import { Worker } from 'node:worker_threads';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import type { JsonSchemaObject } from '@bulkhead/proto/rules';
import type { ConfigRun, Keys } from '@bulkhead/proto/rules/schema';
import type { Clock } from '../clock.js';
import { workerFile } from '../worker-file.js';
import { createTurns } from './turns.js';
import type { SchemaAnswer, SchemaAsk } from './schema-worker.js';

/** Holds values against schemas that plugins declare, and objects bring along, without holding up the event loop. */
export interface SchemaCheck {
  /**
   * Checks a JSON text against a schema. Numbers are judged as doubles; what is handed on is the text as it was.
   *
   * @param owner the plugin whose schema it is: owners take turns, and one whose schemas take too long is refused for a
   *   while. Default: somebody whom nobody answers for
   * @returns what is wrong; empty when nothing is
   * @throws Error when the schema itself is none, or takes too long; BulkheadError RATE_LIMITED when too many wait
   */
  problems(
    schema: JsonSchemaObject,
    text: string,
    code: ErrorCode,
    owner?: string,
  ): Promise<readonly Problem[]>;
  /** As `problems`, for each item of a list, up to the first that is wrong. */
  problemsOfEach(schema: JsonSchemaObject, text: string, code: ErrorCode): Promise<readonly Problem[]>;
  /**
   * Checks a plugin's configuration and fills in the defaults.
   *
   * @param removed places whose default somebody removed
   * @throws as `problems`
   */
  config(
    schema: JsonSchemaObject,
    config: Record<string, unknown>,
    removed: readonly Keys[],
  ): Promise<ConfigRun>;
  /** Ends the thread; what waits is rejected. */
  close(): Promise<void>;
}

const CHECK_TIMEOUT_MS = 2_000;
/** A schema that took too long twice is not tried again for so long, so that it does not take the thread from all others. */
const SLOW_FOR_MS = 60_000;
/** Once may have been the machine. */
const MAX_MISSES = 2;
/** Slow schemas that are remembered; the one that was slow longest ago goes first. */
const MAX_SLOW = 1_000;
/** Checks of all, and of one owner, that wait for the thread. */
const MAX_WAITING = 1_000;
const MAX_WAITING_OF_OWNER = 200;
/** Checks of one owner that may take too long within `SLOW_FOR_MS`, whichever schemas they are of. */
const MAX_MISSES_OF_OWNER = 3;
/** The heap of the thread: what a check gathers is not the host's. */
const MAX_HEAP_MB = 256;

/** Checks of one schema that took too long, without one between them that did not. */
interface Misses {
  readonly count: number;
  readonly lastMs: number;
}

export interface SchemaCheckOptions {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  /** Longest check of one value. Default: 2,000. */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly ask: SchemaAsk;
  readonly owner: string | undefined;
  readonly accept: (answer: SchemaAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Checks one value after another in a thread of its own, which is ended with a check that takes too long: whatever a schema
 * does, the host goes on.
 */
export function createSchemaCheck({ clock, timeoutMs = CHECK_TIMEOUT_MS }: SchemaCheckOptions): SchemaCheck {
  const texts = new WeakMap<JsonSchemaObject, string>();
  const slow = new Map<string, Misses>();
  const slowOwners = new Map<string, Misses>();
  const waiting = createTurns<Waiting>();
  let worker: Worker | undefined;
  let ready = false;
  let current: Waiting | undefined;
  let cancelTimer: () => void = () => {};
  let closed = false;

  const missed = (known: Map<string, Misses>, key: string, max: number): boolean => {
    const misses = known.get(key);
    if (misses === undefined) return false;
    if (clock.monotonic() - misses.lastMs < SLOW_FOR_MS) return misses.count >= max;
    known.delete(key);
    return false;
  };
  const isSlow = ({ ask, owner }: Waiting): boolean =>
    missed(slow, ask.schema, MAX_MISSES) ||
    (owner !== undefined && missed(slowOwners, owner, MAX_MISSES_OF_OWNER));

  const miss = (known: Map<string, Misses>, key: string): void => {
    const count = 1 + (known.get(key)?.count ?? 0);
    known.delete(key);
    known.set(key, { count, lastMs: clock.monotonic() });
    const [oldest] = known.keys();
    if (known.size > MAX_SLOW && oldest !== undefined) known.delete(oldest);
  };
  const markSlow = ({ ask, owner }: Waiting): void => {
    miss(slow, ask.schema);
    if (owner !== undefined) miss(slowOwners, owner);
  };

  const end = (settle: (one: Waiting) => void): void => {
    cancelTimer();
    const one = current;
    current = undefined;
    if (one !== undefined) settle(one);
    next();
  };

  /** The thread is of no more use, and neither is what it was at. */
  const drop = (gone: Worker, error: Error): void => {
    if (worker !== gone) return;
    worker = undefined;
    ready = false;
    void gone.terminate();
    if (current === undefined) current = waiting.take();
    else markSlow(current);
    end(({ reject }) => {
      reject(error);
    });
  };

  const start = (): Worker => {
    const started = new Worker(workerFile(import.meta.url, './schema-worker.js'), {
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    started.on('message', (answer: SchemaAnswer | 'ready') => {
      if (worker !== started) return;
      if (answer === 'ready') {
        ready = true;
        next();
      } else {
        end(({ ask, accept, reject }) => {
          if (answer.kind === 'failed') {
            reject(new Error(answer.message));
            return;
          }
          slow.delete(ask.schema);
          accept(answer);
        });
      }
    });
    started.on('error', (cause) => {
      drop(started, new Error('the thread that checks values failed', { cause }));
    });
    started.on('exit', () => {
      drop(started, new Error('the thread that checks values ended'));
    });
    return started;
  };

  const next = (): void => {
    if (closed || current !== undefined) return;
    if (!ready && waiting.size > 0) {
      // Its time begins when the thread is there.
      worker ??= start();
      worker.ref();
      return;
    }
    current = waiting.take();
    if (current === undefined) {
      worker?.unref();
      return;
    }
    const { ask } = current;
    if (isSlow(current)) {
      end(({ reject }) => {
        reject(tooSlow(timeoutMs));
      });
      return;
    }
    const thread = (worker ??= start());
    thread.ref();
    cancelTimer = clock.after(timeoutMs, () => {
      drop(thread, tooSlow(timeoutMs));
    });
    thread.postMessage(ask);
  };

  const textOf = (schema: JsonSchemaObject): string => {
    let text = texts.get(schema);
    if (text === undefined) texts.set(schema, (text = JSON.stringify(schema)));
    return text;
  };

  const ask = (one: Waiting): void => {
    if (closed) throw new BulkheadError(ErrorCode.SHUTTING_DOWN, 'the host checks no more values');
    const full = waiting.sizeOf(one.owner) >= (one.owner === undefined ? MAX_WAITING : MAX_WAITING_OF_OWNER);
    if (full || waiting.size >= MAX_WAITING) {
      throw new BulkheadError(
        ErrorCode.RATE_LIMITED,
        `${String(waiting.size)} values wait to be checked against schemas; try again`,
        { retryable: true, retryAfterMs: timeoutMs },
      );
    }
    waiting.add(one.owner, one);
    next();
  };

  const check = (
    schema: JsonSchemaObject,
    value: string,
    code: ErrorCode,
    each: boolean,
    owner: string | undefined,
  ): Promise<readonly Problem[]> =>
    new Promise((resolve, reject) => {
      ask({
        ask: { kind: 'value', schema: textOf(schema), value, code, each },
        owner,
        accept: (answer) => {
          if (answer.kind === 'value') resolve(answer.problems);
        },
        reject,
      });
    });

  return {
    problems: (schema, value, code, owner) => check(schema, value, code, false, owner),
    problemsOfEach: (schema, value, code) => check(schema, value, code, true, undefined),
    config: (schema, config, removed) =>
      new Promise((resolve, reject) => {
        ask({
          ask: { kind: 'config', schema: textOf(schema), config, removed },
          owner: undefined,
          accept: (answer) => {
            if (answer.kind === 'config') resolve(answer.run);
          },
          reject,
        });
      }),
    async close() {
      closed = true;
      cancelTimer();
      const left = current === undefined ? waiting.drain() : [current, ...waiting.drain()];
      current = undefined;
      for (const { reject } of left)
        reject(new BulkheadError(ErrorCode.SHUTTING_DOWN, 'the host checks no more values'));
      const thread = worker;
      worker = undefined;
      await thread?.terminate();
    },
  };
}

function tooSlow(timeoutMs: number): Error {
  return new Error(
    `a value takes longer than ${String(timeoutMs)} ms to be checked; look for a pattern that backtracks, uniqueItems and schemas that refer to themselves`,
  );
}

/** The faults in one line. */
export function tellProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`))
    .join(' ');
}
