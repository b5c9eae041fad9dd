import { chmod, cp, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startDaemon } from './daemon.test-support.js';
import { createProject, pluginPackage, writePackage, type TestProject } from './project.test-support.js';

/** Nobody is asked: a directory that was placed by hand needs no registry. */
const NO_REGISTRY = 'http://127.0.0.1:9/';
/** For tests that start a daemon several times. */
const LONG_MS = 120_000;
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
  it('is not verified with a changed byte in its dependencies, which is named with what to do', async () => {
    await using project = await createProject(NO_REGISTRY);
    const folder = await place(project, DEVELOPMENT);
    await lock(project);
    expect(await findings(project)).toContain('no problem');
    await project.write('placed/node_modules/left/index.js', 'LEFT');
    expect(await findings(project)).toMatch(
      new RegExp(`left/index\\.js.*bulkhead plugin lock ${folder}.*FILE_CHANGED`),
    );
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

  it(
    'stops the start of a daemon that it guards; so does a changed byte of a locked one',
    async () => {
      await using project = await createProject(NO_REGISTRY);
      await writePackage(project, 'one', pluginPackage());
      const [installed] = await project.install('./one');
      // With all that it needs to run, the SDK too.
      await cp(installed?.path ?? '', join(project.folder, 'placed'), { recursive: true });
      const listen = 'listen: { data: { address: "127.0.0.1:0" }, control: { address: "127.0.0.1:0" } }\n';
      const configure = (settings: string): Promise<string> =>
        project.write('bulkhead.yaml', `${settings}${listen}plugins: { placed: { plugin: ./placed } }\n`);
      await configure(`${LISTED}host: { sandbox: basic, plugin_uids: { use: never } }\n`);
      expect((await project.run('start')).err).toMatch(/GUARD_NOT_READY.*NOT_LOCKED/s);
      await lock(project);
      await configure(DEVELOPMENT);
      await (await startDaemon(project)).stop();
      await project.write('placed/index.js', `${await project.read('placed/index.js')} `);
      expect((await project.run('start')).err).toMatch(/GUARD_NOT_READY.*placed\/index\.js.*FILE_CHANGED/s);
    },
    LONG_MS,
  );
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
