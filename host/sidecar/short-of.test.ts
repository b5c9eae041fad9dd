import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fixture, WALLS } from './launch.test-support.js';
import { ARCHITECTURES } from './wall/seccomp/calls.js';
import { assemble, Field, verdict, when } from './wall/seccomp/program.js';

const EAGAIN = verdict({ kind: 'errno', errno: 11 });
const ALLOW = verdict({ kind: 'allow' });
const CLONE_THREAD = 0x1_0000;

/** A seccomp program under which no process can be started, for the reason that there are too many. */
function noMoreProcesses(): Buffer {
  const calls = ARCHITECTURES[process.arch]?.calls ?? {};
  const starts = ['fork', 'vfork', 'clone3'].flatMap((name) => {
    const value = calls[name];
    // Without clone3 the C library takes clone.
    const answer = name === 'clone3' ? verdict({ kind: 'errno', errno: 38 }) : EAGAIN;
    return value === undefined ? [] : when({ is: 'equal', value }, [answer]);
  });
  return assemble([
    { op: 'load', offset: Field.call },
    ...starts,
    ...when({ is: 'equal', value: calls['clone'] ?? 0 }, [
      { op: 'load', offset: Field.argument(0) },
      ...when({ is: 'any-bit', value: CLONE_THREAD }, [ALLOW]),
      EAGAIN,
    ]),
    ALLOW,
  ]);
}

describe('on a machine that is short of', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bh-short-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const program = [process.execPath, fixture('short-of.mjs')];

  test('descriptors a start is SPAWN_FAILED and worth another try', () => {
    const script = 'ulimit -n 64; exec "$0" "$@"';
    const output = execFileSync('/bin/bash', ['-c', script, ...program, 'descriptors']);
    expect(JSON.parse(output.toString())).toEqual({
      short: { code: 'SPAWN_FAILED', retryable: true, why: 'EMFILE' },
      afterwards: 'done',
    });
  });

  test.runIf(WALLS.includes('strict'))('processes a start is SPAWN_FAILED and worth another try', () => {
    const file = join(folder, 'filter');
    writeFileSync(file, noMoreProcesses());
    const filter = openSync(file, 'r');
    const args = ['--dev-bind', '/', '/', '--seccomp', '3', '--', ...program, 'processes'];
    const output = execFileSync('bwrap', args, { stdio: ['ignore', 'pipe', 'inherit', filter] });
    closeSync(filter);
    const short = { code: 'SPAWN_FAILED', retryable: true, why: 'EAGAIN' };
    expect(JSON.parse(output.toString())).toEqual({ short, afterwards: short });
  });

  test.runIf(WALLS.includes('strict'))('disk a start is SPAWN_FAILED and worth another try', () => {
    const small = ['--dev-bind', '/', '/', '--size', '65536', '--tmpfs', folder];
    const output = execFileSync('bwrap', [...small, '--', ...program, 'disk', folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(JSON.parse(output.toString())).toEqual({
      short: { code: 'SPAWN_FAILED', retryable: true, why: 'ENOSPC' },
      afterwards: 'done',
    });
  });
});
