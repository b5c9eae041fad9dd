import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Upstream } from '../../upstream/upstream.js';
import { joinName, qualifyUri, splitName, splitUri } from './names.js';

const named = (names: readonly string[]): Upstream[] =>
  names.map((name) => ({ name })) as object[] as Upstream[];

test('a joined name leads back to its server and tool', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.string(),
      (servers, at, tool) => {
        const server = servers[at % servers.length] ?? '';
        const found = splitName(named(servers), joinName(server, tool));
        expect([found?.upstream.name, found?.name]).toEqual([server, tool]);
        const resource = splitUri(named(servers), qualifyUri(server, tool));
        expect([resource?.upstream.name, resource?.uri]).toEqual([server, tool]);
      },
    ),
  );
});

test('of two servers that both fit, the longer name is meant', () => {
  const found = splitName(named(['git', 'git__hub']), 'git__hub__issue');
  expect([found?.upstream.name, found?.name]).toEqual(['git__hub', 'issue']);
});

test('a name of no server leads nowhere', () => {
  expect(splitName(named(['git']), 'echo')).toBeUndefined();
  expect(splitName(named(['git']), 'github__x')).toBeUndefined();
});
