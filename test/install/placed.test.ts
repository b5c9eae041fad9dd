import { chmod, cp, link, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startDaemon } from './daemon.test-support.js';
import { createProject, pluginPackage, writePackage, type TestProject } from './project.test-support.js';

/** Nobody is asked: a directory that was placed by hand needs no registry. */
const NO_REGISTRY = 'http://127.0.0.1:9/';
const DEVELOPMENT = 'environment: development\n';
const PRODUCTION = 'environment: production\n';
const LISTED = `${PRODUCTION}install: { sources: { folders: [.] } }\n`;

async function place(project: TestProject, settings: string): Promise<string> {
  await project.write('bulkhead.yaml', `${settings}plugins: { placed: { plugin: ./placed } }\n`);
  await writePackage(
    project,
    'placed',
    pluginPackage({ files: { 'node_modules/left/index.js': 'left', 'lib/deep.js': 'deep' } }),
  );
  return join(project.folder, 'placed');
}

/** What `plugin verify` finds, which is what the daemon finds before a start. */
async function findings(project: TestProject): Promise<string> {
  return (await project.run('plugin', 'verify', 'placed')).out;
}

async function lock(project: TestProject): Promise<void> {
  const { code, err } = await project.run('plugin', 'lock', './placed');
  expect(code, err).toBe(0);
}

describe('a directory that was placed by hand and locked', () => {
  it('is held to every byte of its whole tree, by name, as an installed one is', async () => {
    await using project = await createProject(NO_REGISTRY);
    const folder = await place(project, DEVELOPMENT);
    await lock(project);
    expect(await findings(project)).toContain('no problem');
    const text = await project.read('placed/lib/deep.js');
    for (const path of ['lib/deep.js', 'node_modules/left/index.js', 'plugin.yaml']) {
      const before = await project.read(`placed/${path}`);
      await project.write(`placed/${path}`, `${before} `);
      expect(await findings(project)).toMatch(
        new RegExp(`${path}.*bulkhead plugin lock ${folder}.*FILE_CHANGED`),
      );
      await project.write(`placed/${path}`, before);
    }
    await rm(join(folder, 'lib', 'deep.js'));
    expect(await findings(project)).toMatch(/lib\/deep\.js.*FILE_MISSING/);
    await project.write('placed/lib/deep.js', text);
    await project.write('placed/lib/new.js', '');
    expect(await findings(project)).toMatch(/lib\/new\.js.*FILE_ADDED/);
    await rm(join(folder, 'lib', 'new.js'));
    await chmod(join(folder, 'lib'), 0o777);
    expect(await findings(project)).toMatch(/WRITABLE_BY_OTHERS/);
    await chmod(join(folder, 'lib'), 0o755);
    await link(join(folder, 'index.js'), join(project.folder, 'another-name.js'));
    expect(await findings(project)).toMatch(/hard link.*FILE_LINK_REFUSED/);
    await rm(join(project.folder, 'another-name.js'));
    expect(await findings(project)).toContain('no problem');
  });

  it('is refused with a lock that was tampered with, that is weak, or that is of another version', async () => {
    await using project = await createProject(NO_REGISTRY);
    await place(project, DEVELOPMENT);
    await lock(project);
    const text = await project.read('placed/plugin.lock.json');
    const tampered = async (change: (text: string) => string): Promise<string> => {
      await project.write('placed/plugin.lock.json', change(text));
      return findings(project);
    };
    // A line for the changed file, under the old hash.
    expect(await tampered((lines) => lines.replace(/f [0-9a-f]{4}/, 'f 0000'))).toMatch(
      /'files' to be the list.*LOCK_INVALID/,
    );
    expect(await tampered((lines) => lines.replace(/"sha512-...../, '"sha512-AAAAA'))).toContain(
      'LOCK_INVALID',
    );
    expect(await tampered((lines) => lines.replace('"1.0.0"', '"2.0.0"'))).toContain('MANIFEST_MISMATCH');
    expect(await tampered((lines) => lines.replace(/sha512-[^"]*/, 'sha1-x'))).toContain('LOCK_INVALID');
    expect(await tampered((lines) => lines.replace(/"integrity": "[^"]*",/, ''))).toContain('LOCK_INVALID');
    expect(await tampered((lines) => lines.replace('"format": 1', '"format": 2'))).toContain('LOCK_INVALID');
    expect(await tampered((lines) => lines)).toContain('no problem');
  });

  it('is still held to its bytes by a lock that has no list, without the name', async () => {
    await using project = await createProject(NO_REGISTRY);
    await place(project, DEVELOPMENT);
    await lock(project);
    const { files: _files, ...bare } = JSON.parse(await project.read('placed/plugin.lock.json')) as {
      files: unknown;
    };
    await project.write('placed/plugin.lock.json', JSON.stringify(bare));
    expect(await findings(project)).toContain('no problem');
    await project.write('placed/index.js', 'changed');
    expect(await findings(project)).toContain('FILE_CHANGED');
  });

  it('has to be where the operator’s list lets plugins be', async () => {
    await using project = await createProject(NO_REGISTRY);
    await place(project, PRODUCTION);
    await lock(project);
    expect(await findings(project)).toMatch(/install\.sources.*SOURCE_NOT_ALLOWED/);
    await place(project, `${PRODUCTION}install: { sources: { folders: [./other] } }\n`);
    expect(await findings(project)).toMatch(/install\.sources\.folders.*SOURCE_NOT_ALLOWED/);
    await place(project, LISTED);
    expect(await findings(project)).toContain('no problem');
  });
});

describe('a directory that was placed by hand and that nothing pins', () => {
  it('runs in development, and is refused in production with what to do', async () => {
    await using project = await createProject(NO_REGISTRY);
    const folder = await place(project, DEVELOPMENT);
    expect(await findings(project)).toContain('no problem');
    await place(project, LISTED);
    expect(await findings(project)).toMatch(new RegExp(`bulkhead plugin lock ${folder}.*NOT_LOCKED`));
    await lock(project);
    expect(await findings(project)).toContain('no problem');
  });

  it('stops the start of a daemon that it guards; so does a changed byte of a locked one', async () => {
    await using project = await createProject(NO_REGISTRY);
    await writePackage(project, 'one', pluginPackage());
    const [installed] = await project.install('./one');
    // With all that it needs to run, the SDK too.
    await cp(installed?.path ?? '', join(project.folder, 'placed'), { recursive: true });
    const listen = 'listen: { data: { address: "127.0.0.1:0" }, control: { address: "127.0.0.1:0" } }\n';
    const configure = (settings: string): Promise<string> =>
      project.write('bulkhead.yaml', `${settings}${listen}plugins: { placed: { plugin: ./placed } }\n`);
    await configure(`${LISTED}host: { sandbox: basic }\n`);
    expect((await project.run('start')).err).toMatch(/GUARD_NOT_READY.*NOT_LOCKED/s);
    await lock(project);
    await configure(DEVELOPMENT);
    await (await startDaemon(project)).stop();
    await project.write('placed/index.js', `${await project.read('placed/index.js')} `);
    expect((await project.run('start')).err).toMatch(/GUARD_NOT_READY.*placed\/index\.js.*FILE_CHANGED/s);
  });
});

describe('plugin lock', () => {
  it('says what it pinned, and has nothing to do twice', async () => {
    await using project = await createProject(NO_REGISTRY);
    await place(project, DEVELOPMENT);
    const run = async (): Promise<unknown> => {
      const { out } = await project.run('plugin', 'lock', './placed', '--source', 'the old server', '--json');
      return JSON.parse(out);
    };
    expect(await run()).toMatchObject({
      id: 'dev.test.guard',
      version: '1.0.0',
      status: 'locked',
      files: 5,
      file: join(project.folder, 'placed', 'plugin.lock.json'),
    });
    expect(await run()).toMatchObject({ status: 'current' });
    expect(JSON.parse(await project.read('placed/plugin.lock.json'))).toMatchObject({
      format: 1,
      source: 'the old server',
      version: '1.0.0',
      files: expect.arrayContaining([expect.stringMatching(/^f [0-9a-f]{64} "index\.js"$/)]) as unknown,
    });
  });

  it('pins nothing that would not verify', async () => {
    await using project = await createProject(NO_REGISTRY);
    const folder = await place(project, DEVELOPMENT);
    const refusal = async (): Promise<string> => {
      const { code, err } = await project.run('plugin', 'lock', './placed');
      expect(code).toBe(1);
      expect((await readdir(folder)).filter((name) => name.startsWith('plugin.lock'))).toEqual([]);
      return err;
    };
    await symlink('/etc/hostname', join(folder, 'out.js'));
    expect(await refusal()).toContain('FILE_LINK_REFUSED');
    await rm(join(folder, 'out.js'));
    await chmod(folder, 0o777);
    expect(await refusal()).toContain('WRITABLE_BY_OTHERS');
    await chmod(folder, 0o755);
    await rm(join(folder, 'index.js'));
    expect(await refusal()).toContain('ENTRY_REFUSED');
    await mkdir(join(folder, 'index.js'));
    expect(await refusal()).toContain('ENTRY_REFUSED');
    await rm(join(folder, 'plugin.yaml'));
    expect(await refusal()).toContain('MANIFEST_NOT_FOUND');
  });
});
