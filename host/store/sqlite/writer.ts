import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Result, Statement, Step, Unit } from './messages.js';
import { sizeOf } from './statement.js';
import type { Settled, WorkerLink } from './worker-link.js';

/** The one that writes: units that wait while it works share its next commit; a transaction has it alone. */
export interface Writer {
  /** @throws STORE_BUSY when too much waits already, and what the engine says */
  run(unit: Unit): Promise<readonly Result[]>;
  /** Waits for its turn. It must be ended within `timeoutMs`, or is rolled back. */
  begin(timeoutMs: number): Promise<ExclusiveTransaction>;
  /** Takes nothing more; resolves when nothing is under way. */
  drain(): Promise<void>;
}

export interface ExclusiveTransaction {
  run(statement: Statement): Promise<Result | undefined>;
  commit(): Promise<void>;
  /** Never rejects. */
  rollback(): Promise<void>;
}

/** Units that wait, at most. */
const MAX_WAITING = 10_000;
/** What they hold, at most, in bytes. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Units sent to the thread at once, at most; together they are answered commit by commit. */
const MAX_GROUP = 1_024;
const BUSY_RETRY_MS = 100;

type Waiting =
  | {
      readonly kind: 'unit';
      readonly unit: Unit;
      readonly bytes: number;
      readonly settle: (outcome: Settled) => void;
    }
  /** `take` starts the transaction and calls back when it has ended. */
  | { readonly kind: 'begin'; readonly take: (ended: () => void) => void };

export function createWriter(link: WorkerLink): Writer {
  const queue: Waiting[] = [];
  let bytes = 0;
  let working = false;
  let scheduled = false;
  let onIdle: (() => void) | undefined;

  const idle = (): void => {
    working = false;
    if (queue.length > 0) pump();
    else onIdle?.();
  };
  const pump = (): void => {
    scheduled = false;
    if (working) return;
    const [head] = queue;
    if (head === undefined) return;
    working = true;
    if (head.kind === 'begin') {
      queue.shift();
      head.take(idle);
      return;
    }
    const group: (Waiting & { kind: 'unit' })[] = [];
    for (const item of queue) {
      if (item.kind !== 'unit' || group.length === MAX_GROUP) break;
      group.push(item);
      bytes -= item.bytes;
    }
    queue.splice(0, group.length);
    let left = group.length;
    link.send({ kind: 'group', units: group.map(({ unit }) => unit) }, group.length, (index, outcome) => {
      left -= 1;
      // The next group goes first: whoever hears of this one may have something for it.
      if (left === 0) process.nextTick(idle);
      group[index]?.settle(outcome);
    });
  };
  const enqueue = (item: Waiting): void => {
    if (onIdle !== undefined) throw closed();
    if (queue.length >= MAX_WAITING || bytes > MAX_WAITING_BYTES) throw busy(queue.length);
    queue.push(item);
    if (scheduled || working) return;
    scheduled = true;
    process.nextTick(pump);
  };
  return {
    run(unit) {
      return new Promise((resolve, reject) => {
        const size = unit.reduce((sum, statement) => sum + sizeOf(statement), 0);
        enqueue({
          kind: 'unit',
          unit,
          bytes: size,
          settle: (outcome) => {
            if (outcome.ok) resolve(outcome.results);
            else reject(outcome.error);
          },
        });
        bytes += size;
      });
    },
    begin: (timeoutMs) =>
      new Promise((resolve) => {
        enqueue({
          kind: 'begin',
          take: (ended) => {
            resolve(beginOn(link, timeoutMs, ended));
          },
        });
      }),
    drain: () =>
      new Promise((resolve) => {
        onIdle = resolve;
        if (!working && queue.length === 0) resolve();
      }),
  };
}

/** What is asked in one turn goes in one message, the begin with the first statements: the thread does one after the other anyway. */
function createSteps(link: WorkerLink): (step: Step) => Promise<readonly Result[]> {
  let gathered: { readonly step: Step; readonly settle: (outcome: Settled) => void }[] = [];
  const flush = (): void => {
    if (gathered.length === 0) return;
    const asked = gathered;
    gathered = [];
    link.send({ kind: 'steps', steps: asked.map(({ step }) => step) }, asked.length, (index, outcome) => {
      asked[index]?.settle(outcome);
    });
  };
  return (step) =>
    new Promise((resolve, reject) => {
      gathered.push({
        step,
        settle: (outcome) => {
          if (outcome.ok) resolve(outcome.results);
          else reject(outcome.error);
        },
      });
      // What ends it is said before anybody else has the thread.
      if (step === 'commit' || step === 'rollback') {
        flush();
        return;
      }
      if (gathered.length > 1) return;
      // A tick set from a tick, where a begin is, would come before whoever waits for that begin.
      queueMicrotask(() => {
        process.nextTick(flush);
      });
    });
}

function beginOn(link: WorkerLink, timeoutMs: number, ended: () => void): ExclusiveTransaction {
  const ask = createSteps(link);
  const begun = ask('begin');
  begun.catch(() => undefined);
  /** What came of it; when there was no begin, why. */
  const afterBegin = async <T>(asked: Promise<T>): Promise<T> => {
    asked.catch(() => undefined);
    await begun;
    return asked;
  };
  let over: (() => BulkheadError) | undefined;
  const finish = async (step: 'commit' | 'rollback', why: () => BulkheadError): Promise<void> => {
    if (over !== undefined) {
      if (step === 'rollback') return;
      throw over();
    }
    over = why;
    clearTimeout(timer);
    try {
      await afterBegin(ask(step));
    } finally {
      ended();
    }
  };
  const timer = setTimeout(() => {
    finish('rollback', () => tooLong(timeoutMs)).catch(() => undefined);
  }, timeoutMs);
  const done = (): BulkheadError => new BulkheadError(ErrorCode.INTERNAL, 'the transaction has ended');
  return {
    async run(statement) {
      if (over !== undefined) throw over();
      return (await afterBegin(ask(statement)))[0];
    },
    commit: () => finish('commit', done),
    // When it cannot be said to the thread, the thread is gone, and the transaction with it.
    rollback: () => finish('rollback', done).catch(() => undefined),
  };
}

export function closed(): BulkheadError {
  return new BulkheadError(ErrorCode.STORE_UNAVAILABLE, 'the store is closed');
}

export function busy(waiting: number): BulkheadError {
  return new BulkheadError(
    ErrorCode.STORE_BUSY,
    `${waiting} calls wait for the store; it takes no more now`,
    {
      retryable: true,
      retryAfterMs: BUSY_RETRY_MS,
    },
  );
}

function tooLong(timeoutMs: number): BulkheadError {
  return new BulkheadError(
    ErrorCode.STORE_BUSY,
    `the transaction was rolled back: it took longer than ${timeoutMs} ms, and everything else that writes waits for it`,
  );
}
