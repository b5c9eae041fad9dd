import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SUMMARY = join(dirname(dirname(import.meta.dirname)), 'scripts', 'ci-summary.mjs');
const run = promisify(execFile);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-ci-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Ran {
  readonly tests?: object;
  readonly testCode: number;
  readonly checks?: string;
  readonly checkCode: number;
}

/** The closing line and the exit code of `.ci/run` for what ran. */
async function summarize({ tests, testCode, checks, checkCode }: Ran): Promise<readonly [string, number]> {
  const report = join(folder, 'tests.json');
  const log = join(folder, 'check.log');
  if (tests !== undefined) await writeFile(report, JSON.stringify(tests));
  if (checks !== undefined) await writeFile(log, checks);
  const args = [SUMMARY, report, String(testCode), log, String(checkCode)];
  try {
    return [(await run(process.execPath, args)).stdout, 0];
  } catch (error) {
    if (!(error instanceof Error && 'stdout' in error && 'code' in error)) throw error;
    return [String(error.stdout), Number(error.code)];
  }
}

const passed = { status: 'passed', assertionResults: [{ status: 'passed' }] };
const green = { numPassedTests: 12, numFailedTests: 0, testResults: [passed] };
const checks = 'passed   types  (1.0 s)\nChecks: 7 passed, 0 failed\n';

describe('the closing line of .ci/run', () => {
  test('adds tests and checks', async () => {
    expect(await summarize({ tests: green, testCode: 0, checks, checkCode: 0 })).toEqual([
      '19 passed, 0 failed\n',
      0,
    ]);
  });

  test('counts a failed test and a failed check', async () => {
    const tests = { numPassedTests: 11, numFailedTests: 1, testResults: [passed] };
    const red = 'Checks: 5 passed, 2 failed\n';
    const outcome = await summarize({ tests, testCode: 1, checks: red, checkCode: 1 });
    expect(outcome).toEqual(['16 passed, 3 failed\n', 1]);
  });

  test('counts a test file that could not be loaded', async () => {
    const tests = { ...green, testResults: [passed, { status: 'failed', assertionResults: [] }] };
    expect(await summarize({ tests, testCode: 1, checks, checkCode: 0 })).toEqual([
      '19 passed, 1 failed\n',
      1,
    ]);
  });

  test('is red when a run failed though nothing in it did', async () => {
    expect(await summarize({ tests: green, testCode: 1, checks, checkCode: 0 })).toEqual([
      '19 passed, 1 failed\n',
      1,
    ]);
  });

  test('is red when nothing ran at all', async () => {
    expect(await summarize({ testCode: 1, checkCode: 1 })).toEqual(['0 passed, 2 failed\n', 1]);
  });
});
