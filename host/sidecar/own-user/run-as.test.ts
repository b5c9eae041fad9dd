import { describe, expect, test } from 'vitest';
import { findRunAs, isMapped, lackingCapabilities } from './run-as.js';

describe('whether programs can be started as another user', () => {
  test('is judged by the capabilities of the host', () => {
    expect(lackingCapabilities('CapEff:\t00000000a80425fb\n')).toEqual([]);
    expect(lackingCapabilities('CapEff:\t0000000000000000\n')).toEqual([
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'KILL',
      'SETGID',
      'SETUID',
    ]);
    expect(lackingCapabilities('CapEff:\t00000000a804253b\n')).toEqual(['SETGID', 'SETUID']);
  });

  test('is judged by the numbers that a user namespace has', () => {
    expect(isMapped('         0          0 4294967295\n', 60_706, 478)).toBe(true);
    expect(isMapped('         0     100000      65536\n', 60_706, 478)).toBe(true);
    expect(isMapped('         0     100000      65536\n', 65_500, 478)).toBe(false);
    expect(isMapped('         0       1000          1\n', 60_706, 478)).toBe(false);
  });

  test('is not the question elsewhere, or for a host that is not root', async () => {
    const range = { first: 60_706, count: 478 };
    expect(await findRunAs({ platform: 'darwin', uid: 0, ...range })).toMatchObject({ kind: 'missing' });
    expect(await findRunAs({ platform: 'linux', uid: 1000, ...range })).toMatchObject({
      kind: 'missing',
      found: 'the host is not root',
    });
  });
});
