import { readdir, readFile, rename, rm, stat, symlink, writeFile, link, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProject, pluginPackage, writePackage, type TestProject } from './project.test-support.js';
import { pack, packOdd, startRegistry, type TestRegistry } from './registry.test-support.js';

const ID = 'dev.test.guard';
let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
  for (const version of ['1.0.0', '2.0.0']) {
    await registry.publish({
      name: 'left',
      version,
      described: { main: 'index.js' },
      files: { 'index.js': `module.exports = '${version}';\n` },
    });
  }
  await registry.publish(pluginPackage());
  await registry.publish(pluginPackage({ version: '1.1.0' }));
});

afterAll(() => registry[Symbol.asyncDispose]());

/** Installs, which has to be refused and to leave nothing behind. @returns what was said */
async function refusal(project: TestProject, ...args: readonly string[]): Promise<string> {
  const { code, err } = await project.run('plugin', 'install', ...args);
  expect(code, err).toBe(1);
  expect(await project.leftovers()).toEqual([]);
  return err;
}

/** As {@link refusal}, for a plugin that was not there before. */
async function refusalOfNew(project: TestProject, ...args: readonly string[]): Promise<string> {
  const said = await refusal(project, ...args);
  expect(
    await readdir(project.pluginsDir).then((names) => names.filter((name) => !name.startsWith('.'))),
  ).toEqual([]);
  await expect(stat(join(project.folder, 'plugins.lock.json'))).rejects.toThrow('ENOENT');
  return said;
}

describe('plugin install', () => {
  it('takes the newest version of a range from a registry, pins it, and needs no network for it again', async () => {
    const own = await startRegistry();
    await own.publish(pluginPackage());
    await own.publish(pluginPackage({ version: '1.4.0' }));
    await own.publish(pluginPackage({ version: '2.0.0' }));
    await using project = await createProject(own.url);
    const [installed] = await project.install('@test/guard@^1');
    expect(installed).toMatchObject({ id: ID, version: '1.4.0', status: 'built' });
    expect((await project.lock()).plugins[ID]).toMatchObject({
      package: '@test/guard',
      source: { kind: 'registry', name: '@test/guard', range: '^1', publisher: 'ada' },
      version: '1.4.0',
      integrity: expect.stringMatching(/^sha512-/),
      tree: { any: expect.stringMatching(/^sha512-/) },
      sdk: 'host',
      permissions: [],
    });
    await own[Symbol.asyncDispose]();
    expect(await project.install('@test/guard@^1')).toMatchObject([
      { status: 'current', path: installed?.path },
    ]);
    expect(await project.install('--frozen')).toMatchObject([{ status: 'current' }]);
    // The package is kept under its hash: even the environment can be made anew.
    await rm(join(project.pluginsDir, ID), { recursive: true });
    expect(await project.install('--frozen')).toMatchObject([{ status: 'built' }]);
    expect(await project.current(ID)).toBe(installed?.path.split('/').at(-1));
  });

  it('writes neither the registry nor a credential anywhere', async () => {
    await using project = await createProject(registry.url);
    const host = new URL(registry.url).host;
    await project.write('home/.npmrc', `//${host}/:_authToken=very-secret\n`);
    await registry.publish(
      pluginPackage({
        name: '@test/with-left',
        id: 'dev.test.with-left',
        described: { dependencies: { left: '^1' } },
      }),
    );
    await project.install('@test/with-left');
    await rm(join(project.folder, 'home'), { recursive: true });
    const all = await readdir(project.folder, { recursive: true, withFileTypes: true });
    for (const file of all.filter((entry) => entry.isFile())) {
      const text = await readFile(join(file.parentPath, file.name), 'latin1');
      expect(text.includes('very-secret'), file.name).toBe(false);
      // The package manager's own cache and store know where they fetched from; nothing that is kept for reading does.
      if (!file.parentPath.includes('.bulkhead/cache')) expect(text.includes(host), file.name).toBe(false);
    }
  });

  it('gives two plugins two versions of one package', async () => {
    await using project = await createProject(registry.url);
    for (const [index, range] of ['^1', '^2'].entries()) {
      const wish = {
        name: `@test/p${index}`,
        id: `dev.test.p${index}`,
        described: { dependencies: { left: range } },
        code: "export { default } from 'left';\n",
      };
      await registry.publish(pluginPackage(wish));
    }
    const paths = (await project.install('@test/p0', '@test/p1')).map(({ path }) => path);
    const loaded = await Promise.all(
      paths.map(
        async (path) => (await import(pathToFileURL(join(path, 'index.js')).href)) as { default: string },
      ),
    );
    expect(loaded.map((module) => module.default)).toEqual(['1.0.0', '2.0.0']);
  });

  it('installs a folder and a tarball, and pins their bytes', async () => {
    await using project = await createProject(registry.url);
    const spec = await writePackage(project, 'one', pluginPackage());
    expect(await project.install(spec)).toMatchObject([{ status: 'built' }]);
    expect((await project.lock()).plugins[ID]?.['source']).toEqual({ kind: 'folder', path: './one' });
    await project.write('one/index.js', 'changed');
    expect(await refusal(project, spec, '--frozen')).toContain('LOCK_MISMATCH');
    await writeFile(join(project.folder, 'two.tgz'), await pack(pluginPackage({ id: 'dev.test.two' })));
    expect(await project.install('./two.tgz')).toMatchObject([{ id: 'dev.test.two', status: 'built' }]);
    expect(await project.install('--frozen')).toMatchObject([{ status: 'current' }, { status: 'current' }]);
  });

  it('has nothing to do for a folder that did not change', async () => {
    await using project = await createProject(registry.url);
    const spec = await writePackage(project, 'one', pluginPackage());
    const [first] = await project.install(spec);
    const built = await stat(first?.path ?? '');
    const [second] = await project.install(spec);
    expect(second).toMatchObject({ status: 'current', path: first?.path });
    expect((await stat(second?.path ?? '')).ino).toBe(built.ino);
  });
});

describe('what plugin install says', () => {
  it('is each step on standard error, and the outcome on standard output, as JSON too', async () => {
    await using project = await createProject(registry.url);
    await registry.publish(
      pluginPackage({ name: '@test/told', id: 'dev.test.told', described: { dependencies: { left: '^1' } } }),
    );
    const { out, err } = await project.run('plugin', 'install', '@test/told', '--json');
    expect(err.split('\n').filter((line) => line.endsWith('…'))).toEqual([
      'asking the registry for @test/told@latest …',
      'fetching @test/told@1.0.0 …',
      'resolving the dependencies of dev.test.told …',
      'installing 1 dependency of dev.test.told …',
    ]);
    expect(JSON.parse(out)).toMatchObject({
      plugins: [{ id: 'dev.test.told', status: 'built', packages: 1 }],
    });
    for (const args of [['bundle', 'dev.test.told'], ['prune'], ['remove', 'dev.test.told']]) {
      expect(JSON.parse((await project.run('plugin', ...args, '--json')).out)).toBeTypeOf('object');
    }
  });

  it('is how to run what no entry runs yet', async () => {
    await using project = await createProject(registry.url);
    const install = async (): Promise<string> =>
      (await project.run('plugin', 'install', '@test/guard@1.0.0')).err;
    expect(await install()).toContain('plugins: { guard: {} }');
    await project.write(
      'bulkhead.yaml',
      'environment: development\nplugins: { mine: { plugin: dev.test.guard } }\n',
    );
    expect(await install()).not.toContain('plugins: {');
  });
});

describe('plugin install refuses, and leaves nothing behind:', () => {
  it('a tarball with other bytes than the registry promises', async () => {
    await using project = await createProject(registry.url);
    await registry.publish(pluginPackage({ name: '@test/tampered' }));
    await registry.tamper('@test/tampered', '1.0.0');
    expect(await refusalOfNew(project, '@test/tampered')).toContain('INTEGRITY_MISMATCH');
    expect(await readdir(join(project.folder, '.bulkhead', 'cache', 'packages')).catch(() => [])).toEqual([]);
  });

  it('a dependency with other bytes than were promised', async () => {
    await using project = await createProject(registry.url);
    await registry.publish({ name: 'bent', version: '1.0.0', files: {} });
    await registry.tamper('bent', '1.0.0');
    await registry.publish(
      pluginPackage({ name: '@test/on-bent', described: { dependencies: { bent: '1.0.0' } } }),
    );
    expect(await refusalOfNew(project, '@test/on-bent')).toMatch(/INTEGRITY_MISMATCH|DEPENDENCIES_FAILED/);
  });

  it('an optional dependency that cannot be had as it is pinned', async () => {
    await using project = await createProject(registry.url);
    await registry.publish({ name: 'extra', version: '1.0.0', files: { 'index.js': '' } });
    const optional = { described: { optionalDependencies: { extra: '1.0.0' } } };
    await registry.publish(pluginPackage({ name: '@test/on-extra', id: 'dev.test.on-extra', ...optional }));
    const [installed] = await project.install('@test/on-extra');
    expect((await stat(join(installed?.path ?? '', 'node_modules', 'extra', 'index.js'))).isFile()).toBe(
      true,
    );
    await registry.publish({ name: 'bent-extra', version: '1.0.0', files: {} });
    await registry.tamper('bent-extra', '1.0.0');
    const bent = { described: { optionalDependencies: { 'bent-extra': '1.0.0' } } };
    await registry.publish(pluginPackage({ name: '@test/on-bent-extra', ...bent }));
    expect(await refusal(project, '@test/on-bent-extra')).toMatch(/INTEGRITY_MISMATCH|DEPENDENCIES_FAILED/);
    expect(await project.current('dev.test.guard')).toBeUndefined();
  });

  it.each([
    ['no integrity', (dist: Record<string, unknown>) => void delete dist['integrity']],
    ['sha1 only', (dist: Record<string, unknown>) => void (dist['integrity'] = `sha1-${'A'.repeat(27)}=`)],
  ])('%s', async (what, change) => {
    await using project = await createProject(registry.url);
    const name = `@test/weak-${what.replace(' ', '-')}`;
    await registry.publish(pluginPackage({ name }));
    await registry.redescribe(name, '1.0.0', change);
    expect(await refusalOfNew(project, name)).toContain('INTEGRITY_MISSING');
    const dependency = `weak-${what.replace(' ', '-')}`;
    await registry.publish({ name: dependency, version: '1.0.0', files: {} });
    await registry.redescribe(dependency, '1.0.0', change);
    await registry.publish(
      pluginPackage({
        name: `@test/on-${dependency}`,
        described: { dependencies: { [dependency]: '1.0.0' } },
      }),
    );
    expect(await refusalOfNew(project, `@test/on-${dependency}`)).toContain('INTEGRITY_MISSING');
  });

  it('lifecycle scripts, its own and those of a dependency, and runs none', async () => {
    await using project = await createProject(registry.url);
    const marker = join(project.folder, 'ran');
    const scripts = { postinstall: `node -e "require('fs').writeFileSync('${marker}', '')"` };
    await registry.publish(pluginPackage({ name: '@test/scripted', described: { scripts } }));
    expect(await refusalOfNew(project, '@test/scripted')).toContain('SCRIPT_REFUSED');
    await registry.publish({ name: 'scripted-dep', version: '1.0.0', described: { scripts }, files: {} });
    await registry.publish(
      pluginPackage({ name: '@test/on-scripted', described: { dependencies: { 'scripted-dep': '1.0.0' } } }),
    );
    expect(await refusalOfNew(project, '@test/on-scripted')).toContain(
      "dependency scripted-dep wants to run its 'postinstall' script",
    );
    // An operator may say that it works without.
    await project.write(
      'bulkhead.yaml',
      'environment: development\ninstall: { unrun_scripts: [scripted-dep] }\n',
    );
    expect(await project.install('@test/on-scripted')).toMatchObject([{ status: 'built' }]);
    await expect(stat(marker)).rejects.toThrow('ENOENT');
  });

  it.each([
    ['a git repository', 'git+https://127.0.0.1/x/y.git'],
    ['a short name of one', 'github:x/y'],
    ['an address', 'https://127.0.0.1/x.tgz'],
    ['a folder', 'file:../x'],
    ['a package of a workspace', 'workspace:*'],
  ])('a dependency that is %s', async (what, wanted) => {
    await using project = await createProject(registry.url);
    const name = `@test/odd-${what.replaceAll(' ', '-')}`;
    await registry.publish(pluginPackage({ name, described: { dependencies: { odd: wanted } } }));
    expect(await refusalOfNew(project, name)).toContain('DEPENDENCY_REFUSED');
  });

  it('a git repository behind a dependency', async () => {
    await using project = await createProject(registry.url);
    await registry.publish({
      name: 'behind',
      version: '1.0.0',
      described: { dependencies: { odd: 'git+https://127.0.0.1:9/x/y.git' } },
      files: {},
    });
    await registry.publish(
      pluginPackage({ name: '@test/on-behind', described: { dependencies: { behind: '1.0.0' } } }),
    );
    expect(await refusalOfNew(project, '@test/on-behind')).toMatch(/DEPENDENCY_REFUSED|DEPENDENCIES_FAILED/);
  });

  it.each([
    ['leaves the package', '../index.js', 'MANIFEST_INVALID'],
    ['is absolute', '/etc/passwd', 'MANIFEST_INVALID'],
    ['is not there', 'missing.js', 'ENTRY_REFUSED'],
  ])('an entry that %s', async (_what, entry, code) => {
    await using project = await createProject(registry.url);
    const spec = await writePackage(project, 'one', pluginPackage({ entry }));
    expect(await refusalOfNew(project, spec)).toContain(code);
  });

  it('an entry that is a link, in a folder', async () => {
    await using project = await createProject(registry.url);
    const spec = await writePackage(project, 'one', pluginPackage({ entry: 'linked.js' }));
    await symlink('/etc/hostname', join(project.folder, 'one', 'linked.js'));
    expect(await refusalOfNew(project, spec)).toMatch(/FILE_LINK_REFUSED|ENTRY_REFUSED/);
  });

  it.each([
    ['a symbolic link', { type: 'SymbolicLink', linkpath: '/etc/hostname' }],
    ['a symbolic link to a file of the package', { type: 'SymbolicLink', linkpath: 'index.js' }],
    ['a hard link', { type: 'Link', linkpath: 'package/index.js' }],
    ['a hard link out of the package', { type: 'Link', linkpath: '../../../../../../etc/hostname' }],
  ] as const)('an entry that is %s in a tarball', async (_what, link) => {
    await using project = await createProject(registry.url);
    const odd = [{ path: 'package/linked.js', ...link }];
    await writeFile(
      join(project.folder, 'odd.tgz'),
      await packOdd(pluginPackage({ entry: 'linked.js' }), odd),
    );
    expect(await refusalOfNew(project, './odd.tgz')).toContain('ENTRY_REFUSED');
  });

  it.each(['../escaped.js', 'package/../../escaped.js', '/tmp/../escaped.js'])(
    'what a tarball wants to write beside the package, to %s',
    async (path) => {
      await using project = await createProject(registry.url);
      const odd = [{ path, type: 'File', text: 'escaped' }] as const;
      await writeFile(join(project.folder, 'odd.tgz'), await packOdd(pluginPackage(), odd));
      await project.run('plugin', 'install', './odd.tgz');
      const all = await readdir(project.folder, { recursive: true, withFileTypes: true });
      const escaped = all.filter(({ name }) => name === 'escaped.js').map(({ parentPath }) => parentPath);
      const inside = join(project.pluginsDir, ID, (await project.current(ID)) ?? 'none');
      expect(escaped.filter((place) => !place.startsWith(inside))).toEqual([]);
      expect(await project.leftovers()).toEqual([]);
    },
  );

  it('a manifest and a package.json that disagree', async () => {
    await using project = await createProject(registry.url);
    const { files, ...rest } = pluginPackage();
    const spec = await writePackage(project, 'one', { ...rest, version: '9.9.9', files });
    expect(await refusalOfNew(project, spec)).toContain('MANIFEST_MISMATCH');
  });

  it('an asset that is not there, and a host that is too old', async () => {
    await using project = await createProject(registry.url);
    const asset = await writePackage(project, 'one', pluginPackage({ manifest: 'assets: [ui/app.js]\n' }));
    expect(await refusalOfNew(project, asset)).toContain('ASSET_NOT_FOUND');
    const old = await writePackage(project, 'two', pluginPackage({ manifest: 'compat: { app: ">=99" }\n' }));
    expect(await refusalOfNew(project, old)).toContain('INCOMPATIBLE');
    const node = await writePackage(
      project,
      'three',
      pluginPackage({ manifest: 'compat: { node: ">=99" }\n' }),
    );
    expect(await refusalOfNew(project, node)).toContain('INCOMPATIBLE');
  });

  it('a source that is not in the list; in production, one without a list', async () => {
    await using project = await createProject(registry.url, 'environment: production\n');
    expect(await refusalOfNew(project, '@test/guard')).toContain('SOURCE_NOT_ALLOWED');
    const allow = (sources: string): Promise<string> =>
      project.write('bulkhead.yaml', `install: { sources: ${sources} }\n`);
    await allow('{ registries: ["https://registry.example/"], scopes: ["@test"] }');
    expect(await refusalOfNew(project, '@test/guard')).toContain('install.sources.registries');
    await allow(`{ registries: ["${registry.url}"], scopes: ["@other"] }`);
    expect(await refusalOfNew(project, '@test/guard')).toContain('install.sources.scopes');
    await allow(`{ registries: ["${registry.url}"], publishers: [grace] }`);
    expect(await refusalOfNew(project, '@test/guard')).toContain('install.sources.publishers');
    const spec = await writePackage(project, 'one', pluginPackage());
    await allow('{ folders: [./other] }');
    expect(await refusalOfNew(project, spec)).toContain('install.sources.folders');
    await allow(`{ registries: ["${registry.url}"], scopes: ["@test"], folders: [.], publishers: [ada] }`);
    expect(await project.install('@test/guard@1.0.0')).toMatchObject([{ status: 'built' }]);
    expect(await project.install(spec)).toMatchObject([{ version: '1.0.0' }]);
  });

  it('what was not asked for in words: addresses and repositories', async () => {
    await using project = await createProject(registry.url);
    for (const spec of ['https://127.0.0.1/x.tgz', 'git+ssh://git@127.0.0.1/x.git', 'github:x/y']) {
      expect((await project.run('plugin', 'install', spec)).code).toBe(2);
    }
  });
});

describe('the lock', () => {
  it('refuses a changed hash, a changed dependency lockfile and a format that it does not know', async () => {
    await using project = await createProject(registry.url);
    await registry.publish(
      pluginPackage({
        name: '@test/locked',
        id: 'dev.test.locked',
        described: { dependencies: { left: '^1' } },
      }),
    );
    await project.install('@test/locked');
    const lock = await project.read('plugins.lock.json');
    const graph = await project.read('locks/dev.test.locked/pnpm-lock.yaml');
    const broken = async (text: string): Promise<string> => {
      await project.write('plugins.lock.json', text);
      return refusal(project, '--frozen');
    };
    const change = (key: string): string => lock.replace(new RegExp(`("${key}": "sha512-)....`), '$1AAAA');
    expect(
      await broken(change('integrity').replace(/("sdk"[^}]*"integrity": "sha512-)AAAA/, '$1AAAA')),
    ).toMatch(/LOCK_MISMATCH|INTEGRITY_MISMATCH|FETCH_FAILED/);
    expect(await broken(change('manifest'))).toContain('MANIFEST_MISMATCH');
    expect(await broken(lock.replace(/("any": "sha512-)..../, '$1AAAA'))).toContain('LOCK_MISMATCH');
    expect(await broken(change('dependencies'))).toContain('LOCK_INVALID');
    expect(await broken(lock.replace('"format": 1', '"format": 2'))).toContain('LOCK_INVALID');
    expect(await broken(lock.replace(/sha512-([A-Za-z0-9+/]{20})[^"]*/, 'sha1-$1'))).toContain(
      'LOCK_INVALID',
    );
    await project.write('plugins.lock.json', lock);
    await project.write('locks/dev.test.locked/pnpm-lock.yaml', graph.replace('1.0.0', '2.0.0'));
    expect(await refusal(project, '--frozen')).toContain('LOCK_INVALID');
    await project.write('locks/dev.test.locked/pnpm-lock.yaml', graph);
    expect(await project.install('--frozen')).toMatchObject([{ status: 'current' }]);
  });

  it('of a host that read less in a manifest is refused when frozen, and else consented to anew', async () => {
    await using project = await createProject(registry.url);
    const manifest = 'object_hooks: [{ object: tool, hooks: [after_create] }]\n';
    const spec = await writePackage(project, 'hooking', pluginPackage({ manifest }));
    await project.install(spec, '--grant', 'all');
    const lock = await project.read('plugins.lock.json');
    await project.write('plugins.lock.json', lock.replace(/"permissions": \[[^\]]*\]/, '"permissions": []'));
    await rm(project.pluginsDir, { recursive: true });
    expect(await refusal(project, spec, '--frozen')).toContain('MANIFEST_MISMATCH');
    expect(await project.install(spec, '--grant', 'all')).toMatchObject([{ status: 'built' }]);
    expect(await project.read('plugins.lock.json')).toBe(lock);
  });

  it('refuses a version of the lock that asks for a hash that the registry does not have', async () => {
    await using project = await createProject(registry.url);
    await project.install('@test/guard@1.0.0');
    await rm(join(project.folder, '.bulkhead'), { recursive: true });
    const lock = await project.read('plugins.lock.json');
    const { integrity } = (await project.lock()).plugins[ID] ?? {};
    await project.write(
      'plugins.lock.json',
      lock.replaceAll(String(integrity), `sha512-${'A'.repeat(86)}==`),
    );
    expect(await refusal(project, '--frozen')).toContain('INTEGRITY_MISMATCH');
    expect(await project.current(ID)).toBeUndefined();
  });

  it('reproduces the same environment on another machine, and adds nothing with --frozen', async () => {
    await using one = await createProject(registry.url);
    const [first] = await one.install('@test/guard@1.0.0');
    await using two = await createProject(registry.url);
    await two.write('plugins.lock.json', await one.read('plugins.lock.json'));
    expect(await two.install('--frozen')).toMatchObject([
      { status: 'built', path: first?.path.replace(one.folder, two.folder) },
    ]);
    expect(await refusal(two, '@test/guard@1.1.0', '--frozen')).toContain('LOCK_MISMATCH');
    expect(await two.read('plugins.lock.json')).toBe(await one.read('plugins.lock.json'));
  });
});

describe('an installed tree', () => {
  it('is held to every byte, by name, and repaired', async () => {
    await using project = await createProject(registry.url);
    await project.write('bulkhead.yaml', 'environment: development\nplugins: { held: {} }\n');
    await registry.publish(
      pluginPackage({ name: '@test/held', id: 'dev.test.held', described: { dependencies: { left: '^1' } } }),
    );
    const [installed] = await project.install('@test/held');
    const at = (path: string): string => join(installed?.path ?? '', path);
    const left = 'node_modules/.pnpm/left@1.0.0/node_modules/left/index.js';
    const findings = async (): Promise<string> => (await project.run('plugin', 'verify', 'held')).out;
    expect(await findings()).toContain('no problem');
    const original = await readFile(at('index.js'));
    await writeFile(at('index.js'), Buffer.concat([original, Buffer.from(' ')]));
    expect(await findings()).toMatch(/index\.js: is not as it was installed.*FILE_CHANGED/);
    await writeFile(at('index.js'), original);
    expect(await findings()).toContain('no problem');
    await writeFile(at('added.js'), '');
    expect(await findings()).toMatch(/added\.js.*FILE_ADDED/);
    await rm(at('added.js'));
    await rm(at(left));
    expect(await findings()).toMatch(/left\/index\.js.*FILE_MISSING/);
    await symlink('/etc/hostname', at(left));
    expect(await findings()).toMatch(/FILE_LINK_REFUSED/);
    expect(await project.install('--frozen')).toMatchObject([{ status: 'built' }]);
    expect(await findings()).toContain('no problem');
    expect(await project.leftovers()).toEqual([]);
    expect((await readdir(join(project.pluginsDir, 'dev.test.held'))).toSorted()).toEqual(
      ['.records', (await project.current('dev.test.held')) ?? '', 'current'].toSorted(),
    );
  });

  it('is made anew without the store when a file of the store was changed behind its back', async () => {
    await using project = await createProject(registry.url);
    await registry.publish(
      pluginPackage({
        name: '@test/stored',
        id: 'dev.test.stored',
        described: { dependencies: { left: '^1' } },
      }),
    );
    const [installed] = await project.install('@test/stored');
    const file = join(installed?.path ?? '', 'node_modules/.pnpm/left@1.0.0/node_modules/left/index.js');
    expect((await stat(file)).nlink).toBeGreaterThan(1);
    await writeFile(file, `module.exports = 'evil!';\n`);
    const [repaired] = await project.install('--frozen');
    expect(repaired?.status).toBe('built');
    const mended = join(repaired?.path ?? '', 'node_modules/.pnpm/left@1.0.0/node_modules/left/index.js');
    expect(await readFile(mended, 'utf8')).toBe(`module.exports = '1.0.0';\n`);
  });

  it('is refused for a hard link, a foreign writer and a listing that was changed', async () => {
    await using project = await createProject(registry.url);
    await project.write('bulkhead.yaml', 'environment: development\nplugins: { guard: {} }\n');
    const [installed] = await project.install('@test/guard@1.0.0');
    const path = installed?.path ?? '';
    const findings = async (): Promise<string> => (await project.run('plugin', 'verify', 'guard')).out;
    await link(join(path, 'index.js'), join(project.folder, 'another-name.js'));
    expect(await findings()).toMatch(/hard link.*FILE_LINK_REFUSED/);
    await rm(join(project.folder, 'another-name.js'));
    const { chmod } = await import('node:fs/promises');
    await chmod(path, 0o777);
    expect(await findings()).toMatch(/WRITABLE_BY_OTHERS/);
    await chmod(path, 0o755);
    const listing = join(project.pluginsDir, ID, '.records', path.split('/').at(-1) ?? '', 'files');
    await writeFile(join(path, 'index.js'), 'changed');
    await writeFile(
      listing,
      (await readFile(listing, 'utf8')).replace(/^f \S+ "index.js"$/m, `f ${'0'.repeat(64)} "index.js"`),
    );
    expect(await findings()).toMatch(/FILE_CHANGED/);
  });

  it.runIf(process.getuid?.() === 0)('is refused when it belongs to another user', async () => {
    await using project = await createProject(registry.url);
    await project.write('bulkhead.yaml', 'environment: development\nplugins: { guard: {} }\n');
    const [installed] = await project.install('@test/guard@1.0.0');
    const { chown } = await import('node:fs/promises');
    await chown(join(installed?.path ?? '', 'index.js'), 12_345, 12_345);
    expect((await project.run('plugin', 'verify', 'guard')).out).toMatch(
      /index\.js: belongs to uid 12345.*FOREIGN_OWNER/,
    );
  });

  it('shares the files of dependencies: ten plugins take less than half as much again as one', async () => {
    await using project = await createProject(registry.url);
    await registry.publish({ name: 'big', version: '1.0.0', files: { 'big.bin': 'x'.repeat(5_000_000) } });
    const specs: string[] = [];
    for (let index = 0; index < 10; index += 1) {
      const name = `@test/sharing-${index}`;
      await registry.publish(
        pluginPackage({
          name,
          id: `dev.test.sharing-${index}`,
          described: { dependencies: { big: '1.0.0' } },
        }),
      );
      specs.push(name);
    }
    await project.install(specs[0] ?? '');
    const one = await diskOf(project.pluginsDir);
    await project.install(...specs.slice(1));
    expect(await diskOf(project.pluginsDir)).toBeLessThan(one * 1.5);
  });
});

/** Bytes on disk, a file with several names once. */
async function diskOf(folder: string): Promise<number> {
  const sizes = new Map<number, number>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, blocks } = await stat(join(entry.parentPath, entry.name));
    sizes.set(ino, blocks * 512);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

describe('versions', () => {
  it('wait for approval when they ask for more, and go back in one swap', async () => {
    const own = await startRegistry();
    await using project = await createProject(own.url);
    await own.publish(pluginPackage({ manifest: 'permissions: { services: [kv.read] }\n' }));
    expect(await refusalOfNew(project, '@test/guard@^1')).toContain('GRANT_MISSING');
    await project.install('@test/guard@^1', '--grant', 'all');
    const old = await project.current(ID);
    await own.publish(
      pluginPackage({ version: '1.1.0', manifest: 'permissions: { services: [kv.read, llms.read] }\n' }),
    );
    const waiting = await project.run('plugin', 'update', ID);
    expect(waiting).toMatchObject({
      code: 1,
      out: expect.stringContaining('waits for approval; 1.0.0 serves on'),
    });
    expect(waiting.out).toContain(`bulkhead plugin update ${ID}`);
    expect(waiting.out).toContain('services:llms.read');
    expect(await project.current(ID)).toBe(old);
    expect((await project.lock()).plugins[ID]).toMatchObject({ version: '1.0.0' });
    expect((await project.run('plugin', 'update', ID, '--grant', 'all')).code).toBe(0);
    expect((await project.lock()).plugins[ID]).toMatchObject({
      version: '1.1.0',
      permissions: ['services:kv.read', 'services:llms.read'],
    });
    // By its name too; an id, a name and a package are taken alike.
    expect((await project.run('plugin', 'rollback', 'guard')).code).toBe(0);
    expect(await project.current(ID)).toBe(old);
    expect((await project.lock()).plugins[ID]).toMatchObject({ version: '1.0.0' });
    expect(await project.install('--frozen')).toMatchObject([{ status: 'current' }]);
    // One that asks for less needs nobody.
    await own.publish(pluginPackage({ version: '1.2.0' }));
    expect((await project.run('plugin', 'update', '@test/guard')).code).toBe(0);
    expect((await project.lock()).plugins[ID]).toMatchObject({ version: '1.2.0', permissions: [] });
    // One that hooks objects asks for more, though its permissions are as few as before.
    const hooks = 'object_hooks: [{ object: llm, hooks: [before_create] }]\n';
    await own.publish(pluginPackage({ version: '1.3.0', manifest: hooks }));
    const hooking = await project.run('plugin', 'update', ID);
    expect(hooking.out).toContain('waits for approval; 1.2.0 serves on');
    expect(hooking.out).toContain('It sees each LLM before it is created, and may change or refuse it.');
    const flag = 'object_hooks:llm.before_create';
    expect((await project.run('plugin', 'update', ID, '--grant', flag)).code).toBe(0);
    expect((await project.lock()).plugins[ID]).toMatchObject({ version: '1.3.0', permissions: [flag] });
    expect((await project.run('plugin', 'update', 'other')).err).toContain('NOT_LOCKED');
    await own[Symbol.asyncDispose]();
  });

  it('are kept: the last three, and nothing else', async () => {
    await using project = await createProject(registry.url);
    const folders: (string | undefined)[] = [];
    for (let patch = 0; patch < 5; patch += 1) {
      await writePackage(project, 'one', pluginPackage({ version: `1.0.${patch}` }));
      await project.install('./one');
      folders.push(await project.current(ID));
    }
    const kept = (await readdir(join(project.pluginsDir, ID))).filter((name) => name.startsWith('1.'));
    expect(new Set(kept)).toEqual(new Set(folders.slice(2)));
    expect((await project.run('plugin', 'rollback', ID)).code).toBe(0);
    expect((await project.run('plugin', 'rollback', ID)).code).toBe(0);
    expect(await project.current(ID)).toBe(folders[2]);
    expect((await project.run('plugin', 'rollback', ID)).err).toContain('NO_EARLIER_VERSION');
  });

  it('go back to none that was made for another Node', async () => {
    await using project = await createProject(registry.url);
    await project.install('@test/guard@1.0.0');
    const folder = (await project.current(ID)) ?? '';
    await project.install('@test/guard@1.1.0');
    const now = await project.current(ID);
    const other = '1.0.0-0000000000000000';
    for (const home of ['.', '.records'])
      await rename(join(project.pluginsDir, ID, home, folder), join(project.pluginsDir, ID, home, other));
    expect((await project.run('plugin', 'rollback', ID)).err).toContain('NO_EARLIER_VERSION');
    expect(await project.current(ID)).toBe(now);
    expect((await project.lock()).plugins[ID]).toMatchObject({ version: '1.1.0' });
  });

  it('leave no orphan when the plugin is removed and the rest is pruned', async () => {
    await using project = await createProject(registry.url);
    await registry.publish(
      pluginPackage({ name: '@test/gone', id: 'dev.test.gone', described: { dependencies: { left: '^1' } } }),
    );
    await project.install('@test/gone', '@test/guard@1.0.0');
    expect((await project.run('plugin', 'remove', 'dev.test.gone')).code).toBe(0);
    expect(Object.keys((await project.lock()).plugins)).toEqual([ID]);
    await mkdir(join(project.pluginsDir, 'dev.test.orphan', '.records'), { recursive: true });
    expect((await project.run('plugin', 'prune')).code).toBe(0);
    expect((await readdir(project.pluginsDir)).filter((name) => !name.startsWith('.'))).toEqual([ID]);
    expect(await readdir(join(project.folder, 'locks')).catch(() => [])).toEqual([]);
    const cache = join(project.folder, '.bulkhead', 'cache');
    expect(await readdir(join(cache, 'packages'))).toHaveLength(1);
    const stored = await readdir(join(cache, 'store', 'v11', 'files'), {
      recursive: true,
      withFileTypes: true,
    });
    expect(stored.filter((entry) => entry.isFile())).toEqual([]);
    expect(await project.install('--frozen')).toMatchObject([{ status: 'current' }]);
    expect((await project.install('@test/gone'))[0]).toMatchObject({ status: 'built' });
  });
});

describe('a bundle', () => {
  it('installs a whole graph without a network', async () => {
    const own = await startRegistry();
    await own.publish({
      name: 'left',
      version: '1.0.0',
      files: { 'index.js': `module.exports = 'left';\n` },
    });
    await own.publish(
      pluginPackage({
        name: '@test/carried',
        id: 'dev.test.carried',
        described: { dependencies: { left: '^1' } },
      }),
    );
    await using one = await createProject(own.url);
    await one.install('@test/carried');
    const { code, err } = await one.run('plugin', 'bundle', 'dev.test.carried', '-o', 'carried.bulkhead.tgz');
    expect(code, err).toBe(0);
    await own[Symbol.asyncDispose]();
    await using two = await createProject(own.url);
    await writeFile(
      join(two.folder, 'carried.bulkhead.tgz'),
      await readFile(join(one.folder, 'carried.bulkhead.tgz')),
    );
    const [installed] = await two.install('./carried.bulkhead.tgz');
    expect(installed).toMatchObject({ id: 'dev.test.carried', status: 'built', packages: 1 });
    const [a, b] = await Promise.all([one.lock(), two.lock()]);
    expect(b.plugins['dev.test.carried']).toEqual({
      ...a.plugins['dev.test.carried'],
      source: { kind: 'bundle', path: './carried.bulkhead.tgz' },
    });
    // With the first one's lock, the bundle only supplies the bytes.
    await using three = await createProject(own.url);
    await three.write('plugins.lock.json', await one.read('plugins.lock.json'));
    await three.write(
      'locks/dev.test.carried/pnpm-lock.yaml',
      await one.read('locks/dev.test.carried/pnpm-lock.yaml'),
    );
    await three.install(join(one.folder, 'carried.bulkhead.tgz'), '--frozen');
    expect(await three.read('plugins.lock.json')).toBe(await one.read('plugins.lock.json'));
  });
});
