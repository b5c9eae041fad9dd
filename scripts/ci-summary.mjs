#!/usr/bin/env node
// The closing line of .ci/run: counts the tests of vitest's JSON report and the checks of `npm run check`.
// usage: ci-summary.mjs <vitest report> <exit code of npm test> <log of npm run check> <exit code of npm run check>
import { readFileSync } from 'node:fs';

const [report, testCode, checkLog, checkCode] = process.argv.slice(2);
const counts = [countTests(report, Number(testCode)), countChecks(checkLog, Number(checkCode))];
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** A test file that could not be loaded has no tests and is one failure; so is a run that ended badly with none. */
function countTests(file, code) {
  let result;
  try {
    result = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1 };
  }
  const broken = result.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  return atLeastOne({ passed: result.numPassedTests, failed: result.numFailedTests + broken }, code);
}

function countChecks(file, code) {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // No log: counted as a failure below.
  }
  const found = /^Checks: (\d+) passed, (\d+) failed$/m.exec(text);
  if (!found) return { passed: 0, failed: 1 };
  return atLeastOne({ passed: Number(found[1]), failed: Number(found[2]) }, code);
}

function atLeastOne(count, code) {
  return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
}
