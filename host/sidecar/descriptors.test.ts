import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { fixture } from './launch.test-support.js';

test('descriptors that the daemon inherited do not reach its children', () => {
  const command = `exec "$0" "$1" 20</dev/null 45</dev/null`;
  const output = execFileSync(
    '/bin/bash',
    ['-c', command, process.execPath, fixture('inheriting-daemon.mjs')],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const seen = JSON.parse(output) as Record<'before' | 'closed' | 'after' | 'again', number[]>;
  // The premise: Node passes these on.
  expect(seen.before).toEqual([20, 45]);
  expect(seen.closed).toEqual(expect.arrayContaining([20, 45]));
  expect(seen.after).toEqual([]);
  expect(seen.again).toEqual([]);
});
