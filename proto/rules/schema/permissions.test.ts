import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_PERMISSIONS,
  comparePermissions,
  includedScopes,
  intersectPermissions,
  permissionNames,
  permissionsOf,
  readPermissions,
  subtractPermissions,
  unitePermissions,
  writePermissions,
} from './permissions.js';
import { SCOPES } from './scopes.js';

const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const some = (...values: readonly string[]) => fc.subarray([...values]);
const permissions = fc
  .record({
    services: fc.subarray(Object.keys(SCOPES)),
    context: some('read_user', 'read_headers'),
    network: some('db.example:5432', 'api.example.com:443', '*.example.com:443', '*.eu.example.com:443'),
    secrets: some('A', 'B'),
    filesystem: fc.array(fc.record({ path, access: fc.constantFrom('ro', 'rw') }), { maxLength: 4 }),
    subprocess: fc.boolean(),
    plugins: some('com.example.a'),
    open_routes: fc.boolean(),
    object_hooks: some('llm.before_create', 'llm.*', 'tool.before_create', '*.before_create', '*.*'),
  })
  .map(readPermissions);

describe('permissions', () => {
  it('survive their names, and their written form', () => {
    fc.assert(
      fc.property(permissions, (given) => {
        expect(permissionNames(permissionsOf(permissionNames(given)))).toEqual([
          ...new Set(permissionNames(given)),
        ]);
        expect(readPermissions(JSON.parse(JSON.stringify(writePermissions(given))))).toEqual(given);
      }),
    );
  });

  it('are never more in common than either side has', () => {
    fc.assert(
      fc.property(permissions, permissions, (asked, granted) => {
        const both = intersectPermissions(asked, granted);
        expect(comparePermissions(asked, both).widened).toEqual([]);
        expect(comparePermissions(granted, both).widened).toEqual([]);
      }),
    );
  });

  it('lose nothing when what is taken away is put back, and keep nothing of it otherwise', () => {
    fc.assert(
      fc.property(permissions, permissions, (all, taken) => {
        const rest = subtractPermissions(all, taken);
        expect(comparePermissions(unitePermissions(rest, taken), all).widened).toEqual([]);
        expect(permissionNames(intersectPermissions(rest, NO_PERMISSIONS))).toEqual([]);
        expect(permissionNames(rest).filter((name) => permissionNames(taken).includes(name))).toEqual([]);
      }),
    );
  });

  it('of a greater one and a lesser one have the lesser in common', () => {
    const rw = readPermissions({ services: ['kv.readwrite'], filesystem: [{ path: '/srv', access: 'rw' }] });
    const ro = readPermissions({ services: ['kv.read'], filesystem: [{ path: '/srv/shared/' }] });
    const names = ['services:kv.read', 'filesystem:ro:/srv/shared'];
    expect(permissionNames(intersectPermissions(rw, ro))).toEqual(names);
    expect(permissionNames(intersectPermissions(ro, rw))).toEqual(names);
    expect(comparePermissions(rw, ro).widened).toEqual([]);
    expect(comparePermissions(ro, rw).widened).toEqual(['services:kv.readwrite', 'filesystem:rw:/srv']);
  });

  it.each([
    ['*.example.com:443', 'api.example.com:443', 'api.example.com:443'],
    ['*.example.com:443', '*.eu.example.com:443', '*.eu.example.com:443'],
    ['*.example.com:443', 'example.com:443', undefined],
    ['*.example.com:443', 'api.example.com:80', undefined],
    ['*.example.com:443', 'api.badexample.com:443', undefined],
    ['api.example.com:443', 'www.example.com:443', undefined],
    ['10.0.0.1:443', '*.0.1:443', undefined],
  ])('of %s and %s have %s in common', (one, other, both) => {
    const names = both === undefined ? [] : [`network:${both}`];
    const [a, b] = [readPermissions({ network: [one] }), readPermissions({ network: [other] })];
    expect(permissionNames(intersectPermissions(a, b))).toEqual(names);
    expect(permissionNames(intersectPermissions(b, a))).toEqual(names);
    expect(comparePermissions(a, b).widened).toHaveLength(both === undefined ? 1 : 0);
    expect(comparePermissions(b, a).widened).toHaveLength(1);
  });

  it.each([
    ['llm.*', 'llm.before_create', 'llm.before_create'],
    ['*.*', 'tool.after_delete', 'tool.after_delete'],
    ['llm.*', '*.before_create', 'llm.before_create'],
    ['llm.*', 'tool.before_create', undefined],
    ['*.before_create', 'llm.after_create', undefined],
    ['llm', 'llm.before_create', undefined],
  ])('of the object hooks %s and %s have %s in common', (one, other, both) => {
    const [a, b] = [readPermissions({ object_hooks: [one] }), readPermissions({ object_hooks: [other] })];
    const names = both === undefined ? [] : [`object_hooks:${both}`];
    expect(permissionNames(intersectPermissions(a, b))).toEqual(names);
    expect(permissionNames(intersectPermissions(b, a))).toEqual(names);
  });

  it('of a path do not reach beside it, or above it by dots', () => {
    const granted = permissionsOf(['filesystem:rw:/srv']);
    for (const wanted of ['/srvx', '/srv/../etc', '/', '/srv/..']) {
      const asked = readPermissions({ filesystem: [{ path: wanted, access: 'ro' }] });
      expect(comparePermissions(granted, asked).widened).toHaveLength(1);
    }
    const inner = permissionsOf(['filesystem:rw:/srv/a', 'filesystem:rw:/srv']);
    const outer = permissionsOf(['filesystem:ro:/']);
    expect(permissionNames(intersectPermissions(inner, outer))).toEqual(['filesystem:ro:/srv']);
  });

  it('include the scopes that a greater one covers, and no others', () => {
    expect(includedScopes(['kv.readwrite', 'users.read'])).toEqual(['kv.readwrite', 'users.read', 'kv.read']);
    expect(includedScopes(['kv.read'])).toEqual(['kv.read']);
    expect(includedScopes(['llms.write'])).toEqual(['llms.write']);
  });

  it('take a name that is none for nothing', () => {
    expect(permissionsOf(['__proto__', 'constructor:x', 'services', 'subprocess:x', ''])).toEqual(
      NO_PERMISSIONS,
    );
  });
});
