import { execFile } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_PLUGIN_UIDS } from '../../host/config/plugin-uids.js';
import { buildProgram, readResults } from '../../host/sidecar/wall/seccomp/filter.test-support.js';
import { startDaemon } from '../install/daemon.test-support.js';
import { createProject, pluginPackage, writePackage } from '../install/project.test-support.js';
import { NO_OWN_USERS, RUN_AS, Scene } from './sandbox.test-support.js';

const LONG_MS = 120_000;
/** Drawn by nobody: those of the tests are few. */
const NOBODY = DEFAULT_PLUGIN_UIDS.first + DEFAULT_PLUGIN_UIDS.count;
const PTRACE = 101;
const PTRACE_ATTACH = 16;

describe.skipIf(NO_OWN_USERS !== undefined)(
  'a hostile plugin with a user of its own, past all that JavaScript is held by',
  () => {
    let scene: Scene;
    beforeAll(async () => {
      scene = await Scene.open('basic', { grants: { subprocess: true } }, true);
    });
    afterAll(() => scene.close());

    const data = (): string => join(scene.folder, 'data');
    const neighbour = (): number =>
      scene.host.status().plugins.find(({ name }) => name === 'neighbour')?.instances[0]?.pid ?? 0;

    test.each<[what: string, script: () => string]>([
      ['read a file of the host’s user', () => `cat '${scene.folder}/secret'`],
      ['list what is beside the host’s data', () => `ls '${scene.folder}'`],
      ['list the host’s data', () => `ls '${data()}'`],
      ['list who else is there', () => `ls '${data()}/data'`],
      ['list which processes there are', () => `ls '${data()}/run'`],
      ['read another plugin’s data', () => `ls '${data()}/data/neighbour'`],
      ['read the store', () => `cat '${data()}/store/bulkhead.db'`],
      ['write beside the host’s data', () => `echo planted > '${scene.folder}/planted'`],
      ['write to the host’s data', () => `echo planted > '${data()}/planted'`],
      [
        'put itself in the place of its own directory',
        () => `mv '${data()}/data/hostile' '${data()}/data/gone'`,
      ],
      [
        'put itself in the place of the host’s socket',
        () => 'rm -f "$TMPDIR/../host.sock" && ! ls "$TMPDIR/../host.sock"',
      ],
      ['read the host’s environment', () => `cat /proc/${scene.bystander.pid}/environ`],
      ['read the host’s memory', () => `cat /proc/${process.pid}/mem`],
      ['see the host’s files by its descriptors', () => `ls /proc/${process.pid}/fd`],
      ['signal the host', () => `kill -0 ${process.pid}`],
      ['signal another plugin', () => `kill -0 ${neighbour()}`],
      ['read another plugin’s environment', () => `cat /proc/${neighbour()}/environ`],
      ['change the program that every plugin starts with', () => `echo '' >> '${process.execPath}'`],
      ['get a user by a program that gives one', () => 'grep -q "NoNewPrivs:.*0" /proc/self/status'],
      ['get capabilities', () => 'grep -Eq "Cap(Prm|Eff|Amb):.*[^0[:space:]]" /proc/self/status'],
    ])('cannot %s', async (_what, script) => {
      const outcome = await scene.attempt('run-shell', { script: script() });
      expect(['got' in outcome ? 'possible' : 'refused', outcome]).toEqual(['refused', outcome]);
      // Not for want of the program.
      expect(JSON.stringify(outcome)).not.toContain('not found');
    });

    test.runIf(process.arch === 'x64')('cannot trace the host or another plugin', async () => {
      const calls = [process.pid, neighbour()].map((pid) => ({ number: PTRACE, args: [PTRACE_ATTACH, pid] }));
      const outcome = await scene.attempt('system-calls', {
        program: buildProgram(calls).toString('base64'),
      });
      expect(readResults(Buffer.from('got' in outcome ? String(outcome.got) : '', 'base64'))).toEqual([
        -1, -1,
      ]);
    });

    test('keeps its data, and its user, over a reload and a crash', async () => {
      const file = join(data(), 'data', 'hostile', 'kept');
      const { uid } = lstatSync(join(data(), 'data', 'hostile'));
      await scene.attempt('run-shell', { script: `id -u > '${file}'` });
      await scene.host.reload('hostile');
      expect(await scene.attempt('run-shell', { script: `cat '${file}'` })).toEqual({ got: `${uid}\n` });
      await scene.attempt('run-shell', { script: 'kill -9 -1' }).catch(() => {});
      await expect
        .poll(() => scene.attempt('run-shell', { script: `cat '${file}'; id -G` }).catch(() => undefined), {
          timeout: 15_000,
        })
        .toEqual({ got: `${uid}\n${uid}\n` });
      expect(neighbour()).toBeGreaterThan(0);
      expect(scene.host.status().plugins.find(({ name }) => name === 'neighbour')).toMatchObject({
        restarts: 0,
      });
    });

    test('plants nothing', () => {
      expect(readdirSync(scene.folder).sort()).toEqual(['data', 'secret']);
      expect(existsSync(join(data(), 'planted'))).toBe(false);
    });
  },
);

/** Which of these paths a user may read or write, found out by trying. */
async function openTo(uid: number, paths: readonly string[]): Promise<readonly string[]> {
  const [file = '', ...args] = RUN_AS?.prefix(uid) ?? [];
  const script = 'for path; do if test -r "$path" || test -w "$path"; then printf "%s\\n" "$path"; fi; done';
  const { stdout } = await promisify(execFile)(file, [...args, '/bin/sh', '-c', script, 'sh', ...paths]);
  return stdout.split('\n').filter((line) => line !== '');
}

function walk(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).map((entry) =>
    join(entry.parentPath, entry.name),
  );
}

test.skipIf(NO_OWN_USERS !== undefined)(
  'an installed plugin runs, is updated and rolled back as its user, who finds nothing open in the host’s data that is not its own',
  async () => {
    await using project = await createProject('http://127.0.0.1:9/');
    await chmod(project.folder, 0o711);
    const code = `import { definePlugin } from '@bulkhead/sdk';
      import { appendFileSync } from 'node:fs';
      export default definePlugin(({ log, dataDir }) => {
        appendFileSync(dataDir + '/starts', process.getuid() + ' ');
        log.info('is uid ' + process.getuid());
        return { hooks: { tool_pre_invoke() {} } };
      });\n`;
    const publish = async (version: string): Promise<void> => {
      await writePackage(project, 'one', pluginPackage({ version, code }));
      await project.install('./one');
    };
    const listen = 'listen: { data: { address: "127.0.0.1:0" }, control: { address: "127.0.0.1:0" } }\n';
    await project.write(
      'bulkhead.yaml',
      `environment: production\ninstall: { sources: { folders: [.] } }\nhost: { sandbox: basic }\n${listen}plugins: { guard: {} }\n`,
    );
    await publish('1.0.0');
    const daemon = await startDaemon(project);
    const home = join(project.folder, '.bulkhead');
    const own = join(home, 'data', 'guard');
    const { uid } = lstatSync(own);
    expect(daemon.log()).toContain(`is uid ${uid}`);

    const paths = walk(home).filter((path) => !path.startsWith(project.pluginsDir));
    expect(paths.length).toBeGreaterThan(10);
    const launch = paths.find((path) => path.endsWith('/host.sock'));
    expect(await openTo(NOBODY, paths)).toEqual([]);
    const found = await openTo(uid, paths);
    expect(found).toContain(own);
    expect(found).toContain(launch);
    const private_ = join(launch ?? '', '..', 'own');
    expect(
      found.filter((path) => ![own, private_, launch].some((mine) => path.startsWith(mine ?? ''))),
    ).toEqual([]);

    const status = await project.run('status');
    expect(status.out).toMatch(/users +each plugin runs as a user of its own/);
    await publish('1.1.0');
    expect((await project.run('plugin', 'reload', 'guard')).code).toBe(0);
    expect((await project.run('plugin', 'info', 'guard', '--json')).out).toContain('"version": "1.1.0"');
    expect((await project.run('plugin', 'rollback', 'guard')).code).toBe(0);
    expect((await project.run('plugin', 'info', 'guard', '--json')).out).toContain('"version": "1.0.0"');
    const starts = readFileSync(join(own, 'starts'), 'utf8').trim().split(' ');
    expect(starts.length).toBeGreaterThanOrEqual(3);
    expect(new Set(starts)).toEqual(new Set([String(uid)]));
    await daemon.stop();
  },
  LONG_MS,
);
