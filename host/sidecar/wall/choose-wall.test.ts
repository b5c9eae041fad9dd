import { expect, test } from 'vitest';
import { chooseWall, type SandboxSetting } from './choose-wall.js';
import type { SandboxProbe } from './probe-sandbox.js';

const works: SandboxProbe = {
  kind: 'works',
  program: '/usr/bin/bwrap',
  version: 'bubblewrap 0.8.0',
  features: { disableUserns: true, bindByDescriptor: true, sizedTmpfs: true },
  system: { node: '/node', prlimit: undefined, programs: [], certificates: [], folders: [] },
  missing: [],
};
const none: SandboxProbe = { kind: 'not-installed', found: 'bubblewrap is not installed', fix: 'install it' };

const choose = (setting: SandboxSetting, environment: string, probe: SandboxProbe): string => {
  try {
    return chooseWall(setting, environment, probe).kind;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  }
};

test.each([
  ['auto', 'production', works, 'strict'],
  ['auto', 'production', none, 'SANDBOX_UNAVAILABLE'],
  ['strict', 'production', works, 'strict'],
  ['strict', 'production', none, 'SANDBOX_UNAVAILABLE'],
  ['basic', 'production', works, 'basic'],
  ['off', 'production', works, 'CONFIG_INVALID'],
  ['auto', 'development', works, 'strict'],
  ['auto', 'development', none, 'basic'],
  ['strict', 'development', none, 'SANDBOX_UNAVAILABLE'],
  ['basic', 'development', works, 'basic'],
  ['off', 'development', works, 'off'],
] as const)('%s in %s gives what it should', (setting, environment, probe, expected) => {
  expect(choose(setting, environment, probe)).toBe(expected);
});

test('it is said what was found and why', () => {
  expect(chooseWall('auto', 'production', works).why).toBe(
    'host.sandbox is auto, bubblewrap 0.8.0 works here',
  );
  expect(chooseWall('auto', 'staging', none).why).toContain('bubblewrap is not installed');
});

test('a refusal says what is missing, how to get it, and which word would do without', () => {
  expect(() => chooseWall('auto', 'production', none)).toThrow(
    /in production means strict, and bubblewrap is not installed; install it\. host\.sandbox: basic/,
  );
});
