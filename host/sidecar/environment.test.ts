import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEnvironment } from './environment.js';

const place = { launchDir: '/run/x', hostSocket: '/run/x/host.sock', network: 'unix' } as const;

test('an operator’s variables come through, but none that loads code and none of the host’s own', () => {
  const operator = {
    PATH: '/opt/bin',
    API_URL: 'https://example.org',
    NODE_OPTIONS: '--import x',
    NODE_PATH: '/x',
    LD_PRELOAD: '/x.so',
    TMPDIR: '/tmp',
    PLUGIN_CLIENT_CERT: 'forged',
    BULKHEAD_NETWORK: 'tcp',
  };
  expect(createEnvironment({ ...place, daemon: { PATH: '/bin', LANG: 'C', SECRET: 'x' }, operator })).toEqual(
    {
      PATH: '/opt/bin',
      LANG: 'C',
      API_URL: 'https://example.org',
      HOME: '/run/x',
      TMPDIR: '/run/x',
      BULKHEAD_PLUGIN: 'v1',
      BULKHEAD_LIFELINE: 'stdin',
      BULKHEAD_HOST_SOCKET: '/run/x/host.sock',
      PLUGIN_PROTOCOL_VERSIONS: '1',
      PLUGIN_UNIX_SOCKET_DIR: '/run/x',
    },
  );
});

test('whatever the daemon’s environment holds, a plugin sees PATH, LANG and TZ of it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), (daemon) => {
      const seen = Object.keys(createEnvironment({ ...place, daemon, operator: {} }));
      const own = Object.keys(createEnvironment({ ...place, daemon: {}, operator: {} }));
      expect(seen.filter((key) => !own.includes(key) && !['PATH', 'LANG', 'TZ'].includes(key))).toEqual([]);
    }),
  );
});
