import { setTimeout as pause } from 'node:timers/promises';

/** What the machine says of one check, a line each. */
export interface Outcome {
  readonly check: string;
  /** Absent when all was as expected. */
  readonly failure?: string;
}

/** Does a check and says what came of it. Those after it are done all the same. */
export async function check(name: string, run: () => void | Promise<void>): Promise<void> {
  let outcome: Outcome = { check: name };
  try {
    await run();
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    outcome = { check: name, failure };
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

const LOOK_MS = 250;
const TIMEOUT_MS = 120_000;

/** Looks again and again until it is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAt > TIMEOUT_MS) throw new Error(`this did not come: ${what}`);
    await pause(LOOK_MS);
  }
}
