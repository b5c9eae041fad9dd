import { expect, test } from 'vitest';
import { judgeSandbox } from './sandbox.js';

const works = {
  kind: 'works',
  program: '/usr/bin/bwrap',
  version: 'bubblewrap 0.8.0',
  features: { disableUserns: true, bindByDescriptor: true, sizedTmpfs: true },
  system: { node: '/node', prlimit: '/usr/bin/prlimit', programs: [], certificates: [], folders: [] },
  missing: [],
} as const;

test('a machine with a strict sandbox is told which', () => {
  expect(judgeSandbox(works)).toEqual([
    { check: 'sandbox', level: 'ok', found: 'strict works, with bubblewrap 0.8.0' },
  ]);
});

test('each thing that a sandbox lacks is a finding of its own, with a way to mend it', () => {
  const found = judgeSandbox({ ...works, missing: ['no size limit', 'no prlimit'] });
  expect(found.map(({ level }) => level)).toEqual(['warning', 'warning']);
  expect(found[1]).toMatchObject({ found: expect.stringContaining('no prlimit'), fix: expect.any(String) });
});

test('a machine without one is told what was found, why it matters and how to get it', () => {
  const fault = {
    kind: 'not-installed',
    found: 'bubblewrap is not installed',
    fix: 'apt-get install bubblewrap',
  } as const;
  expect(judgeSandbox(fault)).toEqual([
    {
      check: 'sandbox',
      level: 'warning',
      found: fault.found,
      why: expect.stringContaining('Production'),
      fix: fault.fix,
    },
  ]);
});
