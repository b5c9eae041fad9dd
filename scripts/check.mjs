#!/usr/bin/env node
// `npm run check`: everything about the code that is not a test. Every check runs, whatever the others say; each
// failure shows its output; the last line counts.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './bootstrap/step.mjs';

const bin = (...path) => join(ROOT, 'node_modules', ...path);
const TSC = bin('typescript', 'bin', 'tsc');
const BUF = bin('@bufbuild', 'buf', 'bin', 'buf');
const PROTO = join(ROOT, 'proto');
const CHECK_TIMEOUT_MS = 300_000;

/**
 * Name, script for the running Node with its arguments, and where.
 * @type {[name: string, args: string[], cwd?: string][]}
 */
const checks = [
  ['types', [TSC, '-b']],
  ['types of the tests', [TSC, '-p', 'tsconfig.test.json']],
  ['lint', [bin('oxlint', 'bin', 'oxlint'), '--deny-warnings']],
  ['format', [bin('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.']],
  ['unused code', [bin('knip', 'bin', 'knip.js'), '--no-progress']],
  ['protocol lint', [BUF, 'lint'], PROTO],
  ['generated files', [join(ROOT, 'scripts', 'generate.mjs'), '--check']],
];

const tag = lastTag();
if (tag === undefined)
  process.stdout.write('skipped  protocol compatibility: there is no tag to compare with yet\n');
else
  checks.push([
    'protocol compatibility',
    [BUF, 'breaking', '--against', `../.git#tag=${tag},subdir=proto`],
    PROTO,
  ]);

let failed = 0;
for (const [name, args, cwd = ROOT] of checks) {
  const started = Date.now();
  const result = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: CHECK_TIMEOUT_MS });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const ok = result.status === 0;
  process.stdout.write(`${ok ? 'passed ' : 'FAILED '}  ${name}  (${seconds} s)\n`);
  if (ok) continue;
  failed += 1;
  const why = result.error ? `${result.error.message}\n` : '';
  process.stdout.write(`${why}${result.stdout ?? ''}${result.stderr ?? ''}\n`);
}
process.stdout.write(`Checks: ${checks.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

function lastTag() {
  try {
    const options = { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('git', ['describe', '--tags', '--abbrev=0', '--match', 'v*'], options).trim();
  } catch {
    return undefined;
  }
}
