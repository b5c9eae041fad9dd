import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differingKeys, lockMismatch } from './lock-diff.js';
import { formatLock, parseLock, type LockEntry, type PluginsLock } from './lock-file.js';
import { parseDependencyLockfile } from './dependency-lockfile.js';

const HASH = `sha512-${'A'.repeat(86)}==`;
const ENTRY: LockEntry = {
  name: 'guard',
  package: '@test/guard',
  source: { kind: 'registry', name: '@test/guard', range: '^1' },
  version: '1.0.0',
  integrity: HASH,
  manifest: HASH,
  dependencies: HASH,
  tree: { any: HASH },
  sdk: 'host',
  permissions: ['services:kv.read'],
};

const refusalOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('plugins.lock.json', () => {
  it('reads what it wrote, whatever the order of its plugins, and writes it the same again', () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}\.[a-z0-9-]{1,8}$/), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(ids, (names) => {
        const lock: PluginsLock = {
          sdk: { version: '0.1.0', integrity: HASH },
          plugins: Object.fromEntries(names.map((id) => [id, ENTRY])),
        };
        const text = formatLock(lock);
        expect(parseLock(text, 'plugins.lock.json')).toEqual(lock);
        const other = { ...lock, plugins: Object.fromEntries(names.toReversed().map((id) => [id, ENTRY])) };
        expect(formatLock(other)).toBe(text);
      }),
    );
  });

  it.each([
    ['no JSON', '{'],
    ['another format', formatLock({ plugins: {} }).replace('1', '2')],
    ['an unknown key', '{"format":1,"plugins":{},"more":true}'],
    ['a weak hash', formatLock({ plugins: { 'dev.test.a': { ...ENTRY, integrity: 'sha1-AAAA' } } })],
    ['an id that leaves its folder', formatLock({ plugins: { '../a': ENTRY } })],
    ['no tree', formatLock({ plugins: { 'dev.test.a': { ...ENTRY, tree: {} } } })],
  ])('is refused with %s', (_what, text) => {
    expect(refusalOf(() => parseLock(text, 'plugins.lock.json'))).toMatchObject({ code: 'LOCK_INVALID' });
  });

  it('says what differs, with both values', () => {
    const there = { ...ENTRY, version: '1.0.1', permissions: [] };
    expect(differingKeys(ENTRY, there)).toEqual(['version', 'permissions']);
    expect(lockMismatch('dev.test.a', ENTRY, there).message).toContain(
      'version: expected "1.0.0", got "1.0.1"',
    );
  });
});

describe('a dependency lockfile', () => {
  const text = (
    packages: string,
    importer = 'dependencies:\n      left:\n        specifier: ^1\n        version: 1.0.0',
  ): string => `lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    ${importer}\n\npackages:\n\n${packages}`;
  const left = `  left@1.0.0:\n    resolution: {integrity: ${HASH}}\n`;

  it('pins packages by sha512 and knows whether it fits', () => {
    const lockfile = parseDependencyLockfile(text(`${left}    os: [linux]\n`), 'x');
    expect(lockfile.packages).toEqual([
      { name: 'left', version: '1.0.0', integrity: HASH, platformBound: true },
    ]);
    expect(lockfile.fits({ dependencies: { left: '^1' }, optionalDependencies: {} })).toBe(true);
    expect(lockfile.fits({ dependencies: { left: '^1', right: '1' }, optionalDependencies: {} })).toBe(false);
  });

  it.each([
    [
      'DEPENDENCY_REFUSED',
      '  odd@https://codeload.example/x.tgz:\n    resolution: {tarball: https://codeload.example/x.tgz}\n',
    ],
    [
      'DEPENDENCY_REFUSED',
      '  odd@git+https://example/x:\n    resolution: {commit: abc, repo: https://example/x, type: git}\n',
    ],
    [
      'DEPENDENCY_REFUSED',
      `  odd@1.0.0:\n    resolution: {integrity: ${HASH}, tarball: https://elsewhere.example/x.tgz}\n`,
    ],
    ['DEPENDENCY_REFUSED', '  odd@file:../x:\n    resolution: {directory: ../x, type: directory}\n'],
    ['INTEGRITY_MISSING', '  odd@1.0.0:\n    resolution: {integrity: sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=}\n'],
    ['INTEGRITY_MISSING', '  odd@1.0.0:\n    resolution: {}\n'],
  ])('is refused with %s', (code, packages) => {
    expect(refusalOf(() => parseDependencyLockfile(text(packages), 'x'))).toMatchObject({ code });
  });

  it('takes a tarball’s address only below a registry in use', () => {
    const packages = `  '@a/odd@1.0.0':\n    resolution: {integrity: ${HASH}, tarball: https://registry.example/npm/odd.tgz}\n`;
    expect(
      parseDependencyLockfile(text(packages), 'x', ['https://registry.example/npm/']).packages,
    ).toHaveLength(1);
    expect(
      refusalOf(() => parseDependencyLockfile(text(packages), 'x', ['https://registry.example/np'])),
    ).toMatchObject({ code: 'DEPENDENCY_REFUSED' });
  });

  it('of another format is not read', () => {
    expect(refusalOf(() => parseDependencyLockfile("lockfileVersion: '6.0'\n", 'x'))).toMatchObject({
      code: 'LOCK_INVALID',
    });
  });
});
