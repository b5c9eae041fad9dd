// Runs in a worker thread, one for what writes and one for what reads: every call of SQLite waits for the disk.
import { parentPort, workerData } from 'node:worker_threads';
import { openConnection, type Connection } from './connection.js';
import { faultOf } from './engine-fault.js';
import type { Answer, EngineFault, Outcome, Request, Statement, Step, WorkerSettings } from './messages.js';
import { rollBack, runGroup } from './write-group.js';

const settings: WorkerSettings = workerData;
const DONE: Outcome<object> = { ok: true, results: [] };

let opened: Connection | undefined;
let inTransaction = false;
/** Why the transaction that is open cannot be committed any more. */
let spoilt: EngineFault | undefined;

parentPort?.on('message', (request: Request) => {
  const answer = (first: number, outcomes: readonly Outcome<object>[]): void => {
    parentPort?.postMessage({ id: request.id, first, outcomes } satisfies Answer<object>);
  };
  if (request.kind === 'steps') {
    answer(
      0,
      request.steps.map((step) => attempt(() => take(step))),
    );
  } else if (request.kind === 'group') {
    let db: Connection;
    try {
      db = open();
    } catch (error) {
      const fault = faultOf(error);
      answer(
        0,
        request.units.map(() => ({ ok: false, fault })),
      );
      return;
    }
    if (settings.role === 'write') runGroup(db, request.units, answer);
    else
      answer(
        0,
        request.units.map((unit) => attempt(() => ({ ok: true, results: unit.map((it) => db.run(it)) }))),
      );
  } else {
    answer(0, [attempt(close)]);
  }
});

function open(): Connection {
  opened ??= openConnection(settings);
  return opened;
}

function attempt(work: () => Outcome<object>): Outcome<object> {
  try {
    return work();
  } catch (error) {
    return { ok: false, fault: faultOf(error) };
  }
}

function take(step: Step): Outcome<object> {
  switch (step) {
    case 'begin':
      open().exec('BEGIN IMMEDIATE');
      inTransaction = true;
      spoilt = undefined;
      return DONE;
    case 'commit': {
      const fault = spoilt ?? (inTransaction ? undefined : NO_TRANSACTION);
      inTransaction = false;
      if (fault !== undefined) return { ok: false, fault };
      try {
        open().exec('COMMIT');
        return DONE;
      } catch (error) {
        rollBack(open());
        throw error;
      }
    }
    case 'rollback':
      if (inTransaction) rollBack(open());
      inTransaction = false;
      return DONE;
    default:
      return runIn(step);
  }
}

function close(): Outcome<object> {
  opened?.close();
  opened = undefined;
  return DONE;
}

const NO_TRANSACTION: EngineFault = { message: 'expected an open transaction, there is none' };

/** As on PostgreSQL, what fails inside a transaction spoils all of it. */
function runIn(statement: Statement): Outcome<object> {
  if (spoilt !== undefined) return { ok: false, fault: spoilt };
  if (!inTransaction) return { ok: false, fault: NO_TRANSACTION };
  try {
    return { ok: true, results: [open().run(statement)] };
  } catch (error) {
    spoilt = faultOf(error);
    // SQLite may have ended the transaction itself: what came after would be written at once.
    rollBack(open());
    return { ok: false, fault: spoilt };
  }
}
