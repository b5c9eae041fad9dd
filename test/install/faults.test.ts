import { once } from 'node:events';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDaemon } from './daemon.test-support.js';
import { createProject, pluginPackage, type TestProject } from './project.test-support.js';
import { startRegistry, type TestRegistry } from './registry.test-support.js';

const ID = 'dev.test.guard';
let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
  await registry.publish({
    name: 'left',
    version: '1.0.0',
    files: { 'index.js': `module.exports = 'left';\n` },
  });
  for (const version of ['1.0.0', '1.1.0']) {
    await registry.publish(pluginPackage({ version, described: { dependencies: { left: '^1' } } }));
  }
});

afterAll(() => registry[Symbol.asyncDispose]());

describe('an installer', () => {
  it('fetches nothing twice that has verified', async () => {
    const own = await startRegistry();
    await using project = await createProject(own.url);
    await own.publish(pluginPackage({ described: { dependencies: { absent: '1.0.0' } } }));
    expect((await project.run('plugin', 'install', '@test/guard')).code).toBe(1);
    await own.publish({ name: 'absent', version: '1.0.0', files: {} });
    const before = own.asked.length;
    await project.install('@test/guard');
    expect(own.asked.slice(before).filter((path) => path.endsWith('.tgz') && path.includes('guard'))).toEqual(
      [],
    );
    await own[Symbol.asyncDispose]();
  });

  it('is waited for by another one', async () => {
    await using project = await createProject(registry.url);
    const runs = await Promise.all(
      [1, 2, 3].map(() => project.run('plugin', 'install', '@test/guard@1.1.0')),
    );
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await project.install('--frozen')).toMatchObject([{ status: 'current' }]);
    expect(await project.leftovers()).toEqual([]);
  });
});

describe('a daemon', () => {
  it('makes the environment of a locked plugin, runs it, and is refused by a changed byte of a guard or its dependencies', async () => {
    await using project = await createProject(registry.url);
    await configure(project, 'guard: { mode: sequential, on_error: fail }');
    await project.install('@test/guard@1.0.0');
    await rm(join(project.folder, '.bulkhead', 'plugins'), { recursive: true });
    const first = await startDaemon(project);
    expect(first.log()).toContain('the environment of a locked plugin was made');
    expect(first.log()).toMatch(/verified; it runs from this directory/);
    await first.stop();
    const refused = async (file: string, code: string): Promise<void> => {
      const { code: exit, err } = await project.run('start');
      expect(exit).toBe(1);
      expect(err).toMatch(new RegExp(`GUARD_NOT_READY.*${code}`, 's'));
      expect(err).toContain(file);
    };
    const folder = join(project.pluginsDir, ID, (await project.current(ID)) ?? '');
    const left = join(folder, 'node_modules', '.pnpm', 'left@1.0.0', 'node_modules', 'left', 'index.js');
    const before = await readFile(left, 'utf8');
    await writeFile(left, `${before} `);
    await refused(left, 'FILE_CHANGED');
    await rm(left);
    await refused(left, 'FILE_MISSING');
    await writeFile(left, before);
    const entry = join(folder, 'index.js');
    await writeFile(entry, `${await readFile(entry, 'utf8')} `);
    await refused(entry, 'FILE_CHANGED');
    expect(await project.install()).toMatchObject([{ status: 'built' }]);
    await (await startDaemon(project)).stop();
  }, 120_000);

  it('makes none when it is told to', async () => {
    await using project = await createProject(registry.url);
    await project.install('@test/guard@1.0.0');
    await rm(join(project.folder, '.bulkhead', 'plugins'), { recursive: true });
    await configure(project, 'guard: {}', 'install: { on_start: never }\n');
    expect((await project.run('start')).err).toContain('PLUGIN_NOT_FOUND');
  });

  it('keeps the old version serving while an update waits, and takes a rollback at once', async () => {
    const own = await startRegistry();
    await using project = await createProject(own.url);
    await configure(project, 'guard: {}');
    await own.publish(pluginPackage());
    await project.install('@test/guard@^1');
    const daemon = await startDaemon(project);
    const running = async (): Promise<unknown> => {
      const { out } = await project.run('plugin', 'info', 'guard', '--json');
      return JSON.parse(out);
    };
    await own.publish(
      pluginPackage({ version: '1.1.0', manifest: 'permissions: { context: [read_user] }\n' }),
    );
    expect((await project.run('plugin', 'update', ID)).code).toBe(1);
    expect(await running()).toMatchObject({ version: '1.0.0', state: 'ready' });
    expect((await project.run('plugin', 'update', ID, '--grant', 'all')).code).toBe(0);
    expect(await running()).toMatchObject({ version: '1.1.0', state: 'ready' });
    expect((await project.run('plugin', 'rollback', ID)).code).toBe(0);
    expect(await running()).toMatchObject({ version: '1.0.0', state: 'ready' });
    await daemon.stop();
    await own[Symbol.asyncDispose]();
  });

  it('runs what it verified when the current version is swapped beside it, and refuses what nobody locked', async () => {
    await using project = await createProject(registry.url);
    await configure(project, 'guard: {}');
    await project.install('@test/guard@1.0.0');
    const home = join(project.pluginsDir, ID);
    const folder = (await project.current(ID)) ?? '';
    // Another folder in the place of the verified one: its files were never verified.
    await rename(join(home, folder), join(home, 'aside'));
    await mkdir(join(home, folder));
    for (const name of ['plugin.yaml', 'package.json', 'index.js']) {
      await writeFile(join(home, folder, name), await readFile(join(home, 'aside', name)));
    }
    const { out } = await project.run('plugin', 'verify', 'guard');
    expect(out).toContain('FILE_MISSING');
    await rm(join(home, folder), { recursive: true });
    await rename(join(home, 'aside'), join(home, folder));
    expect((await project.run('plugin', 'verify', 'guard')).out).toContain('no problem');
    await writeFile(join(project.folder, 'plugins.lock.json'), JSON.stringify({ format: 1, plugins: {} }));
    expect((await project.run('plugin', 'verify', 'guard')).out).toContain('NOT_LOCKED');
  });
});

describe('a plugin that brings its own Node', () => {
  it('runs on it', async () => {
    await using project = await createProject(registry.url);
    const name = `node-${process.platform}-${process.arch}`;
    // It is this Node, found under another version; what it says of itself shows that it was the one that ran.
    const script = `#!/bin/sh\nexec '${process.execPath}' --title=own-node "$@"\n`;
    await registry.publish({
      name,
      version: '99.1.0',
      files: { 'bin/node': script },
      executable: ['bin/node'],
    });
    const wish = {
      name: '@test/own-node',
      id: 'dev.test.own-node',
      manifest: 'compat: { node: ">=99" }\n',
      described: { dependencies: { [name]: '99.1.0' } },
      code: `import { definePlugin } from '@bulkhead/sdk';\nexport default definePlugin(({ log }) => { log.info('runs as ' + process.title); return { hooks: { tool_pre_invoke() {} } }; });\n`,
    };
    await registry.publish(pluginPackage(wish));
    await project.install('@test/own-node');
    expect((await project.lock()).plugins['dev.test.own-node']).toMatchObject({ node: '>=99' });
    await configure(project, 'own_node: {}', 'host: { sandbox: basic }\n');
    const daemon = await startDaemon(project);
    expect((await project.run('plugin', 'info', 'own_node', '--json')).out).toContain('"state": "ready"');
    expect(daemon.log()).toContain('runs as own-node');
    await daemon.stop();
  });
});

async function configure(project: TestProject, plugin: string, rest = ''): Promise<void> {
  const ports = await Promise.all([freePort(), freePort()]);
  await project.write(
    'bulkhead.yaml',
    `environment: development\nlisten: { data: { address: "127.0.0.1:${ports[0]}" }, control: { address: "127.0.0.1:${ports[1]}" } }\n${rest}plugins:\n  ${plugin}\n`,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
