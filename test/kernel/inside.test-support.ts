import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createImage } from './guest-files.test-support.js';
import { allChecks, type Extent } from './inside/checks.js';
import type { Outcome } from './inside/report.js';
import { boot, findMachine, type Boot } from './machine.test-support.js';

/** It is emulated, and shares the processors with whatever else is tested. */
const BOOT_TIMEOUT_MS = 900_000;
const CONSOLE_LINES = 30;

/** Boots the machine once; each check that is done inside becomes a test. */
export async function testInside(extent: Extent): Promise<void> {
  const machine = await findMachine();
  if (machine.kind === 'missing' && process.env['CI'] !== undefined)
    throw new Error(`no kernel with cgroup v2 to test on: ${machine.why}`);
  const skipped = machine.kind === 'there' ? '' : `, skipped: ${machine.why}`;

  describe.skipIf(machine.kind !== 'there')(`on a kernel with cgroup v2${skipped}`, () => {
    const abort = new AbortController();
    let booted: Boot | undefined;
    beforeAll(async () => {
      if (machine.kind === 'there') booted = await boot(machine, await createImage(extent), abort.signal);
    }, BOOT_TIMEOUT_MS);
    afterAll(() => {
      abort.abort();
    });

    test.each(allChecks(extent))('%s', (name) => {
      const outcomes = (booted?.lines ?? []).map(parseOutcome);
      const outcome = outcomes.find((found) => found?.check === name);
      const consoleEnd = (booted?.console ?? '').split('\n').slice(-CONSOLE_LINES).join('\n');
      expect(outcome, `the machine did not get to it; it said:\n${consoleEnd}`).toBeDefined();
      expect(outcome?.failure).toBeUndefined();
    });
  });
}

/** A line of another kind says how the machine came to its end. */
function parseOutcome(line: string): Outcome | undefined {
  return line.startsWith('{') ? (JSON.parse(line) as Outcome) : undefined;
}
