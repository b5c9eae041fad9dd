import type { Result, Unit } from './messages.js';
import { busy, closed } from './writer.js';
import type { Settled, WorkerLink } from './worker-link.js';

/** The one that reads: what is asked in one turn goes in one message. */
export interface Reader {
  /** @throws STORE_BUSY when too much waits already, and what the engine says */
  run(unit: Unit): Promise<readonly Result[]>;
  drain(): Promise<void>;
}

/** Reads that wait or are under way, at most. */
const MAX_WAITING = 10_000;

export function createReader(link: WorkerLink): Reader {
  let gathered: { readonly unit: Unit; readonly settle: (outcome: Settled) => void }[] = [];
  let open = 0;
  let onIdle: (() => void) | undefined;
  const flush = (): void => {
    const group = gathered;
    gathered = [];
    link.send({ kind: 'group', units: group.map(({ unit }) => unit) }, group.length, (index, outcome) => {
      open -= 1;
      group[index]?.settle(outcome);
      if (open === 0) onIdle?.();
    });
  };
  return {
    run: (unit) =>
      new Promise((resolve, reject) => {
        if (onIdle !== undefined) throw closed();
        if (open >= MAX_WAITING) throw busy(open);
        open += 1;
        gathered.push({
          unit,
          settle: (outcome) => {
            if (outcome.ok) resolve(outcome.results);
            else reject(outcome.error);
          },
        });
        if (gathered.length === 1) process.nextTick(flush);
      }),
    drain: () =>
      new Promise((resolve) => {
        onIdle = resolve;
        if (open === 0) resolve();
      }),
  };
}
