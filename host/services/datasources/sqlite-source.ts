import { realpath } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isRawNumber, type JsonValue } from '@bulkhead/proto/json';
import type { Clock } from '../../clock.js';
import { workerFile } from '../../worker-file.js';
import type { OpenSource, Query, QueryResult } from './query.js';
import { assertQuery } from './sql-statement.js';
import type { SqliteAnswer, SqliteAsk, SqliteSettings, SqliteValue } from './sqlite-worker.js';

/** Threads of one source; a query that finds none free waits. */
const MAX_THREADS = 2;
/** Queries that wait; one more is refused. */
const MAX_WAITING = 100;

export interface SqliteSourceOptions extends SqliteSettings {
  readonly clock: Clock;
  /** Nothing below these folders is opened: the host's own state. Absolute and real. */
  readonly closed: readonly string[];
}

/** A SQLite file, each query in a thread that is ended when its time is over. */
export function openSqliteSource(options: SqliteSourceOptions): OpenSource {
  const { clock, readOnly } = options;
  const idle: Worker[] = [];
  const running = new Set<Worker>();
  let taken = 0;
  const waiting: (() => void)[] = [];
  let ended = false;

  const start = async (): Promise<Worker> => {
    const path = await realFile(options);
    return new Worker(workerFile(import.meta.url, './sqlite-worker.js'), {
      workerData: { path, readOnly } satisfies SqliteSettings,
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
  };
  const free = (): void => {
    const next = waiting.shift();
    if (next === undefined) taken -= 1;
    else next();
  };
  const place = async (signal: AbortSignal): Promise<void> => {
    if (taken < MAX_THREADS) {
      taken += 1;
      return;
    }
    if (waiting.length >= MAX_WAITING)
      throw new BulkheadError(ErrorCode.QUOTA_EXCEEDED, 'too many queries wait for this data source', {
        retryable: true,
      });
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        waiting.splice(waiting.indexOf(enter), 1);
        reject(cancelled());
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.push(enter);
    });
  };

  const ask = (worker: Worker, { sql, parameters, maxRows, timeoutMs, signal }: Query) =>
    new Promise<QueryResult>((resolve, reject) => {
      const finish = (settle: () => void, keep: boolean): void => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        worker.off('message', onAnswer).off('error', onError).off('exit', onExit);
        running.delete(worker);
        if (keep && !ended) idle.push(worker);
        // A thread that does not answer is ended in the middle of its query.
        else void worker.terminate();
        settle();
        free();
      };
      const fail = (error: BulkheadError, keep = false): void => {
        finish(() => {
          reject(error);
        }, keep);
      };
      const onAbort = (): void => {
        fail(cancelled());
      };
      const cancelTimer = clock.after(timeoutMs, () => {
        fail(new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, `the query took longer than ${timeoutMs} ms`));
      });
      signal.addEventListener('abort', onAbort, { once: true });
      const onAnswer = (answer: SqliteAnswer): void => {
        if (answer.ok) {
          finish(() => {
            resolve(answer.result);
          }, true);
        } else fail(new BulkheadError(answer.code ?? ErrorCode.QUERY_FAILED, answer.message), true);
      };
      const onError = (error: unknown): void => {
        fail(new BulkheadError(ErrorCode.QUERY_FAILED, BulkheadError.from(error).message, { cause: error }));
      };
      const onExit = (): void => {
        fail(new BulkheadError(ErrorCode.QUERY_FAILED, 'the thread of the query ended'));
      };
      worker.once('message', onAnswer).once('error', onError).once('exit', onExit);
      if (signal.aborted) {
        fail(cancelled(), true);
        return;
      }
      worker.postMessage({ sql, parameters: bindable(parameters), maxRows } satisfies SqliteAsk);
    });

  return {
    async query(query) {
      assertQuery(query.sql, readOnly);
      bindable(query.parameters);
      if (query.signal.aborted) throw cancelled();
      await place(query.signal);
      let worker: Worker;
      try {
        if (ended) throw gone();
        worker = idle.pop() ?? (await start());
        // What closed it could not see this thread.
        if (ended) {
          await worker.terminate();
          throw gone();
        }
      } catch (error) {
        free();
        throw error;
      }
      running.add(worker);
      return ask(worker, query);
    },
    async close() {
      ended = true;
      await Promise.all([...idle.splice(0), ...running].map((worker) => worker.terminate()));
    },
  };
}

/** The file itself, so that no link leads into what is closed. @throws QUERY_FAILED */
async function realFile({ path, closed }: SqliteSourceOptions): Promise<string> {
  const real = await realpath(path).catch((error: unknown) => {
    throw new BulkheadError(ErrorCode.QUERY_FAILED, `the file of the data source is not there: ${path}`, {
      cause: error,
    });
  });
  if (closed.some((folder) => real === folder || real.startsWith(`${folder}/`)))
    throw new BulkheadError(
      ErrorCode.QUERY_FAILED,
      `${path} lies in the host's own data directory, which is no data source`,
    );
  return real;
}

/** @throws INVALID_ARGUMENT */
function bindable(parameters: Query['parameters']): SqliteValue[] {
  if (!isList(parameters)) {
    throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, 'parameters: expected a list, got an object', {
      field: 'parameters',
    });
  }
  return parameters.map((value, index) => {
    if (value === null || typeof value === 'string' || typeof value === 'number') return value;
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (isRawNumber(value))
      return /^-?\d+$/.test(value.rawJSON) ? BigInt(value.rawJSON) : Number(value.rawJSON);
    throw new BulkheadError(
      ErrorCode.INVALID_ARGUMENT,
      `parameters: expected a text, number, true, false or null at position ${index}, got a list or an object`,
      { field: 'parameters' },
    );
  });
}

function isList(value: Query['parameters']): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function gone(): BulkheadError {
  return new BulkheadError(ErrorCode.QUERY_FAILED, 'the data source was closed or changed; ask again', {
    retryable: true,
  });
}

function cancelled(): BulkheadError {
  return new BulkheadError(ErrorCode.CANCELLED, 'nobody waits for the query any more');
}
