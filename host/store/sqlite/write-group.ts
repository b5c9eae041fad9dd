import type { Connection } from './connection.js';
import { faultOf, isFatal } from './engine-fault.js';
import type { Outcome, Unit } from './messages.js';

/** How long a commit waits for more of its group, in milliseconds. */
const MAX_COMMIT_WAIT_MS = 2;

/**
 * Runs units that arrived together under as few commits as fit in their time. Each is answered when its commit is on the
 * disk; one that fails takes no other with it.
 */
export function runGroup(
  db: Connection,
  units: readonly Unit[],
  answer: (first: number, outcomes: readonly Outcome<object>[]) => void,
): void {
  let next = 0;
  while (next < units.length - 1) next = commitSome(db, units, next, answer);
  const last = units[next];
  if (last !== undefined) answer(next, [runAlone(db, last)]);
}

/** @returns the first unit that did not come into the commit */
function commitSome(
  db: Connection,
  units: readonly Unit[],
  first: number,
  answer: (first: number, outcomes: readonly Outcome<object>[]) => void,
): number {
  try {
    db.exec('BEGIN IMMEDIATE');
  } catch (error) {
    const fault = faultOf(error);
    answer(
      first,
      units.slice(first).map(() => ({ ok: false, fault })),
    );
    return units.length;
  }
  let next = first;
  const outcomes: Outcome<object>[] = [];
  try {
    const until = performance.now() + MAX_COMMIT_WAIT_MS;
    do {
      const unit = units[next] ?? [];
      next += 1;
      outcomes.push(runInside(db, unit));
    } while (next < units.length && performance.now() < until);
    db.exec('COMMIT');
  } catch {
    // The whole transaction is gone, the innocent with it: each again, alone.
    rollBack(db);
    answer(
      first,
      units.slice(first, next).map((unit) => runAlone(db, unit)),
    );
    return next;
  }
  answer(first, outcomes);
  return next;
}

/** @throws what ends the whole transaction */
function runInside(db: Connection, unit: Unit): Outcome<object> {
  const [only, ...more] = unit;
  if (only === undefined) return { ok: true, results: [] };
  // SQLite undoes a single statement that fails; one whose rows cannot be read has not failed for it.
  const plain = more.length === 0 && !only.rows;
  if (!plain) db.exec('SAVEPOINT unit');
  try {
    const results = unit.map((statement) => db.run(statement));
    if (!plain) db.exec('RELEASE unit');
    return { ok: true, results };
  } catch (error) {
    if (isFatal(error)) throw error;
    if (!plain) db.exec('ROLLBACK TO unit; RELEASE unit');
    return { ok: false, fault: faultOf(error) };
  }
}

function runAlone(db: Connection, unit: Unit): Outcome<object> {
  const [only, ...more] = unit;
  try {
    if (only !== undefined && more.length === 0 && !only.rows) return { ok: true, results: [db.run(only)] };
    db.exec('BEGIN IMMEDIATE');
    const results = unit.map((statement) => db.run(statement));
    db.exec('COMMIT');
    return { ok: true, results };
  } catch (error) {
    rollBack(db);
    return { ok: false, fault: faultOf(error) };
  }
}

/** SQLite may have rolled back already; then there is nothing to do. */
export function rollBack(db: Connection): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // No transaction is open.
  }
}
